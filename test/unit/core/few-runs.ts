import fc from 'fast-check';
import { runs } from './thoroughness.ts';

fc.configureGlobal({ numRuns: runs(100) });
