/** Score line and heatmap on one axis: an evaluation a column, an indicator a row. Loaded when somebody opens the page. */
import {
  CategoryScale,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
  type ChartConfiguration,
} from 'chart.js';
import { MatrixController, MatrixElement } from 'chartjs-chart-matrix';
import { useEffect, useRef } from 'preact/hooks';
import { clockTime } from '../parts/time.tsx';
import { theme } from '../shell/theme.ts';
import { shownValue, type Evaluation } from './evaluation.ts';

Chart.register(
  ...[LineController, LineElement, PointElement, LinearScale, CategoryScale, Tooltip],
  ...[MatrixController, MatrixElement],
);

export interface ChartProps {
  /** Oldest first. */
  evaluations: readonly Evaluation[];
  metrics: readonly string[];
  chosen: readonly string[];
  choose: (id: string) => void;
}

interface HeatCell {
  x: string;
  y: string;
  evaluation: number;
}

export default function EvaluationChart(props: ChartProps) {
  const line = useRef<HTMLCanvasElement>(null);
  const heat = useRef<HTMLCanvasElement>(null);
  const shade = theme.value;
  const { evaluations, metrics, chosen } = props;
  const ids = evaluations.map(({ id }) => id).join();
  useEffect(() => {
    if (!line.current || !heat.current) return undefined;
    const colors = colorsOf(heat.current);
    const charts = [new Chart(line.current, scoreLine(props, colors)), new Chart(heat.current, heatmap(props, colors))];
    return () => charts.forEach((chart) => chart.destroy());
  }, [ids, metrics.join(), chosen.join(), shade]);
  const summary = `${evaluations.length} evaluations of ${metrics.length} indicators; the table below has their figures`;
  return (
    <div class="charts">
      <div class="chart-line">
        <canvas ref={line} role="img" aria-label={`Score over time: ${summary}`} />
      </div>
      <div class="chart-heat" style={{ height: `${metrics.length * 26 + 48}px` }}>
        <canvas ref={heat} role="img" aria-label={`Heatmap: ${summary}`} />
      </div>
    </div>
  );
}

type Colors = Record<'ok' | 'warn' | 'bad' | 'off' | 'text' | 'line' | 'accent' | 'surface', string>;

/** Canvas knows no variables of CSS. */
function colorsOf(element: Element): Colors {
  const probe = document.createElement('span');
  element.parentElement?.append(probe);
  const colorOf = (name: string): string => {
    probe.className = `probe probe-${name}`;
    return getComputedStyle(probe).color;
  };
  const [ok, warn, bad, off] = [colorOf('ok'), colorOf('warn'), colorOf('bad'), colorOf('off')];
  const [text, line, accent, surface] = [colorOf('text'), colorOf('line'), colorOf('accent'), colorOf('surface')];
  probe.remove();
  return { ok, warn, bad, off, text, line, accent, surface };
}

const GUTTER = 150;

function scoreLine(
  { evaluations, choose, chosen }: ChartProps,
  colors: Colors,
): ChartConfiguration<'line', number[], string> {
  return {
    type: 'line',
    data: {
      labels: evaluations.map(labelOf),
      datasets: [
        {
          data: evaluations.map(({ score }) => score ?? NaN),
          // The points of 0 and 100 lie on the border.
          clip: false,
          borderColor: colors.accent,
          borderWidth: 2,
          spanGaps: true,
          pointBackgroundColor: evaluations.map(({ result }) => colorOfStatus(result, colors)),
          pointBorderColor: evaluations.map(({ id }) => (chosen.includes(id) ? colors.text : colors.surface)),
          pointRadius: evaluations.map(({ id }) => (chosen.includes(id) ? 6 : 4)),
        },
      ],
    },
    options: {
      ...common(evaluations, choose),
      plugins: {
        tooltip: {
          callbacks: {
            title: ([item]) => timeOf(evaluations[item?.dataIndex ?? -1]),
            label: ({ dataIndex }) => sentenceOf(evaluations[dataIndex]),
          },
        },
      },
      scales: {
        x: { display: false, offset: true },
        y: {
          min: 0,
          max: 100,
          afterFit: (axis) => (axis.width = GUTTER),
          ticks: { color: colors.text, stepSize: 50 },
          grid: { color: colors.line },
          border: { display: false },
          title: { display: true, text: 'Score', color: colors.text },
        },
      },
    },
  };
}

function heatmap(
  { evaluations, metrics, choose, chosen }: ChartProps,
  colors: Colors,
): ChartConfiguration<'matrix', HeatCell[], string> {
  const cells = evaluations.flatMap((evaluation, nth) =>
    evaluation.indicators.map(({ metric }) => ({ x: labelOf(evaluation), y: metric, evaluation: nth })),
  );
  const indicatorOf = ({ evaluation, y }: HeatCell) =>
    evaluations[evaluation]?.indicators.find(({ metric }) => metric === y);
  return {
    type: 'matrix',
    data: {
      labels: evaluations.map(labelOf),
      datasets: [
        {
          data: cells,
          backgroundColor: cells.map((cell) => colorOfStatus(indicatorOf(cell)?.status ?? '', colors)),
          borderColor: cells.map((cell) =>
            chosen.includes(evaluations[cell.evaluation]?.id ?? '') ? colors.text : 'transparent',
          ),
          borderWidth: 2,
          borderRadius: 3,
          width: ({ chart }) => Math.max(2, Math.min(64, chart.chartArea?.width / evaluations.length - 3)),
          height: ({ chart }) => Math.max(2, chart.chartArea?.height / metrics.length - 3),
        },
      ],
    },
    options: {
      ...common(evaluations, choose, cells),
      plugins: {
        tooltip: {
          callbacks: {
            title: ([item]) => timeOf(evaluations[cells[item?.dataIndex ?? -1]?.evaluation ?? -1]),
            label({ dataIndex }) {
              const cell = cells[dataIndex];
              const found = cell && indicatorOf(cell);
              if (!found) return '';
              const wanted = found.targets.map(({ criteria }) => criteria).join(', ');
              return `${found.metric}: ${shownValue(found.value)} (${found.status}${wanted ? `; wanted ${wanted}` : ''})`;
            },
          },
        },
      },
      scales: {
        x: {
          type: 'category',
          offset: true,
          labels: evaluations.map(labelOf),
          ticks: {
            color: colors.text,
            maxRotation: 0,
            autoSkipPadding: 16,
            callback: (_value, index) => timeOf(evaluations[index]),
          },
          grid: { display: false },
          border: { display: false },
        },
        y: {
          type: 'category',
          offset: true,
          reverse: true,
          labels: [...metrics],
          afterFit: (axis) => (axis.width = GUTTER),
          ticks: { color: colors.text, callback: (_value, index) => cut(metrics[index] ?? '') },
          grid: { display: false },
          border: { display: false },
        },
      },
    },
  };
}

function common(evaluations: readonly Evaluation[], choose: (id: string) => void, cells?: readonly HeatCell[]) {
  return {
    animation: false as const,
    responsive: true,
    maintainAspectRatio: false,
    onClick(_event: unknown, elements: { index: number }[]) {
      const index = elements[0]?.index;
      if (index === undefined) return;
      const found = evaluations[cells ? (cells[index]?.evaluation ?? -1) : index];
      if (found) choose(found.id);
    },
  };
}

/** Two in one second keep their own columns. */
const labelOf = ({ id }: Evaluation): string => id;
const timeOf = (evaluation: Evaluation | undefined): string => (evaluation ? clockTime(evaluation.time) : '');
const cut = (text: string): string => (text.length > 22 ? `${text.slice(0, 21)}…` : text);

function sentenceOf(evaluation: Evaluation | undefined): string {
  if (!evaluation) return '';
  const { result, score, message } = evaluation;
  return `${score === undefined ? '' : `${shownValue(score)} of 100, `}${result}${message ? `: ${message.slice(0, 120)}` : ''}`;
}

function colorOfStatus(status: string, colors: Colors): string {
  if (status === 'pass') return colors.ok;
  if (status === 'warning') return colors.warn;
  return status === 'fail' || status === 'failed' ? colors.bad : colors.off;
}
