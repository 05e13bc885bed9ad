/**
 * `selectData`: opens the data a plan names and decides which samples calibrate and which evaluate. With no data at all,
 * seeded random inputs stand in and the report says that nothing in it is representative.
 */
import * as path from 'node:path';
import { openDataset } from '../../calibrate/datasets/openDataset';
import { resolveDataSource } from '../../calibrate/datasets/dataSource';
import type { Dataset } from '../../calibrate/dataset';
import { splitSamples } from '../../calibrate/splitSamples';
import { resolvePreprocess } from '../../calibrate/transforms/presets';
import type { Plan, Transform } from '../../contract/plan';
import type { DataSelection, StageMethods } from '../../contract/stageMethods';
import type { ValueSpec } from '../../contract/tensor';
import { loadModel } from '../../model/loadModel';
import { graphInputs } from '../../model/modelCard';

/** Enough random samples to exercise every layer; more would say no more, since they stand for nothing. */
const randomSamples = 32;
