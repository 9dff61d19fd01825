import fc from 'fast-check';
import { isMutation, runs } from './thoroughness.ts';

// That a mutant is noticed is enough: the smallest example of it would take long to find
fc.configureGlobal({ numRuns: runs(100), endOnFailure: isMutation });
