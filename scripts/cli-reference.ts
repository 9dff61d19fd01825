/** Prints docs/reference/cli.md. Calls: node scripts/cli-reference.ts > docs/reference/cli.md */
import { makeProgram } from '../cli/program.ts';
import { renderReference } from '../cli/reference.ts';

process.stdout.write(renderReference(makeProgram(() => Promise.resolve())));
