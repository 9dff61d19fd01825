import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics } from '@aws-lambda-powertools/metrics';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';

/** What every function has at hand: the logger (structured JSON) and the metrics (embedded metric format). */
export interface Instruments {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Wraps a function in the middleware that all share. Errors leave it as they are: retries, alarms and dead letters
 * depend on that.
 */
export function makeHandler<Result>(run: (event: unknown, instruments: Instruments) => Promise<Result>) {
  const instruments: Instruments = { logger: new Logger(), metrics: new Metrics() };
  const publish = () => {
    // Powertools' own middleware warns, in plain text, when there is nothing to publish
    if (instruments.metrics.hasStoredMetrics()) instruments.metrics.publishStoredMetrics();
  };
  return middy<unknown, Result, Error, Context>()
    .use(injectLambdaContext(instruments.logger, { resetKeys: true }))
    .use({ after: publish, onError: publish })
    .handler((event) => run(event, instruments));
}
