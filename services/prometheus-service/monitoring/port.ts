/** Where Prometheus is told what to scrape, and when to raise an alert. */
import type { Alert } from '../alerts.ts';

/** What Prometheus is to know of a service, in the order of its stages. */
export interface Monitored {
  project: string;
  service: string;
  /** Where its pods have their metrics, such as `/metrics`, and how often they are read, such as `5s`. */
  scrape: { path: string; interval: string };
  stages: MonitoredStage[];
}

export interface MonitoredStage {
  stage: string;
  jobs: Job[];
  alerts: Alert[];
  /** What an alert is about: the Deployment that real users reach. */
  deployment: string;
}

/** A Kubernetes Service whose pods are scraped under a name of their own. */
export interface Job {
  name: string;
  namespace: string;
  service: string;
}

export interface Monitoring {
  /** Brings it about, whatever was there before; where it is then, for people. */
  apply(monitored: Monitored): Promise<string>;
  /** The services of a project for which it has been applied. */
  configured(project: string): Promise<string[]>;
  remove(project: string, service: string): Promise<void>;
}
