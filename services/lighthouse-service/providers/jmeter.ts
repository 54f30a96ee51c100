/** Values out of the report of the tests themselves: nothing has to be installed for them. */
import { testReport } from '../../../lib/events/workflow.ts';
import { noValue, valueOf, type SliProvider } from './port.ts';

const known = testReport.omit({ tool: true }).keyof();

export const jmeterProvider: SliProvider = {
  async valuesOf({ indicators, report }) {
    return indicators.map((metric) => {
      const name = known.safeParse(metric);
      if (!name.success) return noValue(metric, `a report of tests has no ${metric}, but ${known.options.join(', ')}`);
      if (!report) {
        return noValue(metric, `there is no report of tests, which would have ${known.options.join(', ')}`);
      }
      return valueOf(metric, report[name.data]);
    });
  },
};
