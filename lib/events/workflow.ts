/**
 * The data of the events that a delivery consists of, from a new artifact to production: the fields of Keptn 0.6.2, and
 * ours beside them. What Go's services leave out, or send as null or as an empty text, is an empty text here.
 */
import { z } from 'zod';
import { goText as text } from '../model/go-text.ts';
import { dnsLabel } from '../model/names.ts';

const labels = z.record(z.string(), z.string()).nullish();
const files = z.record(z.string(), z.string()).nullish();

const place = { project: dnsLabel, stage: dnsLabel, service: dnsLabel, labels };
const strategies = { teststrategy: text, deploymentstrategy: text };
/** True: nothing was deployed, and nobody is to take it for more. */
const dryrun = z.boolean().nullish();

export const canaryActions = ['set', 'promote', 'discard'] as const;

export const configurationChange = z.object({
  ...place,
  /** Empty: the first of the shipyard. */
  stage: z.union([dnsLabel, z.literal('')]).default(''),
  valuesCanary: z.record(z.string(), z.unknown()).nullish(),
  canary: z
    // 0.6.2 takes an action that it does not know for `set`.
    .object({ action: z.enum(canaryActions).catch('set'), value: z.int().min(0).max(100).nullish() })
    .nullish(),
  /** Ours: the stage behind which the artifact does not go on; without it, the last. */
  until: dnsLabel.nullish(),
  fileChangesUserChart: files,
  fileChangesGeneratedChart: files,
  fileChangesUmbrellaChart: files,
  /** Ours: files of the two charts as they were when the change was made, in SHA-256; it is refused when they are others by now. */
  fileChangesBase: files,
});
export type ConfigurationChange = z.infer<typeof configurationChange>;

export const deploymentFinished = z.object({
  ...place,
  ...strategies,
  tag: text,
  image: text,
  deploymentURILocal: text,
  deploymentURIPublic: text,
  dryrun,
});
export type DeploymentFinished = z.infer<typeof deploymentFinished>;

/** What a run of tests measured; times in milliseconds, rates in percent, throughput in requests a second. */
export const testReport = z.object({
  tool: z.string(),
  requests: z.int().min(0),
  errors: z.int().min(0),
  error_rate: z.number(),
  throughput: z.number(),
  response_time_min: z.number(),
  response_time_max: z.number(),
  response_time_avg: z.number(),
  response_time_p50: z.number(),
  response_time_p90: z.number(),
  response_time_p95: z.number(),
  response_time_p99: z.number(),
});
export type TestReport = z.infer<typeof testReport>;

export const testsFinished = z.object({
  ...place,
  ...strategies,
  start: text,
  end: text,
  result: text,
  /** Why, where the result alone does not say it. */
  message: z.string().nullish(),
  report: testReport.nullish(),
  dryrun,
});
export type TestsFinished = z.infer<typeof testsFinished>;

export const getSli = z.object({
  ...place,
  ...strategies,
  sliProvider: text,
  start: text,
  end: text,
  deployment: text,
  indicators: z.array(z.string()).nullish(),
  customFilters: z.array(z.object({ key: z.string(), value: z.string() })).nullish(),
  /** Of the tests that the evaluation is about. */
  report: testReport.nullish(),
});
export type GetSli = z.infer<typeof getSli>;

export const indicatorValue = z.object({
  metric: z.string(),
  // Go's services leave out nothing here, others might.
  value: z
    .number()
    .nullish()
    .transform((value) => value ?? 0),
  success: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  message: z.string().nullish(),
});
export type IndicatorValue = z.infer<typeof indicatorValue>;

export const getSliDone = z.object({
  ...place,
  ...strategies,
  start: text,
  end: text,
  deployment: text,
  indicatorValues: z.array(indicatorValue).nullish(),
});
export type GetSliDone = z.infer<typeof getSliDone>;

export const evaluationDone = z.object({
  ...place,
  ...strategies,
  result: text,
  evaluationdetails: z
    .looseObject({
      timeStart: text,
      timeEnd: text,
      result: text,
      score: z
        .number()
        .nullish()
        .transform((value) => value ?? 0),
      indicatorResults: z
        .array(z.looseObject({ status: text, score: z.number().nullish(), value: indicatorValue }))
        .nullish(),
    })
    .nullish(),
});
export type EvaluationDone = z.infer<typeof evaluationDone>;

/** How a delivery ended in a stage. */
export const deliveryResults = ['pass', 'warning', 'fail', 'aborted', 'superseded'] as const;

/** Ours: a delivery has ended in a stage; where the result is not `pass` or `warning`, in all that would come as well. */
export const deliveryFinished = z.object({
  ...place,
  image: text,
  result: z.enum(deliveryResults),
  /** One word for programs, such as ImagePullBackOff. */
  reason: text,
  /** A sentence for people. */
  message: text,
});
export type DeliveryFinished = z.infer<typeof deliveryFinished>;

/** Ours: a delivery is to be paused, resumed or aborted; the keptn context of the event says which. */
export const deliveryControl = z.object({
  project: dnsLabel,
  service: dnsLabel,
  /** Of an abort that no person asked for. */
  reason: text,
  message: text,
});
export type DeliveryControl = z.infer<typeof deliveryControl>;

/** As Keptn 0.7 has it: an artifact waits for a person to let it into `stage`. */
export const approvalTriggered = z.object({ ...place, ...strategies, image: text, tag: text });
export type ApprovalTriggered = z.infer<typeof approvalTriggered>;

/** The answer; `triggeredID` is the id of the event that asked, and may be left out where only one did. */
export const approvalFinished = z.object({
  ...place,
  approval: z.object({
    triggeredID: text,
    result: z.enum(['pass', 'failed']),
    status: text,
    /** Who, and why. */
    message: z.string().nullish(),
  }),
});
export type ApprovalFinished = z.infer<typeof approvalFinished>;
