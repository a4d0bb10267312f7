/** A uPlot chart that follows the size of its box and the theme; the one place that knows uPlot. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { timeOfDay } from "../core/format";
import { withSoftwareCanvases } from "../core/software";
import { colours, onTheme } from "../core/theme";

/** One line or area; `stroke` is asked again after a change of theme. */
export interface Line {
  readonly label: string;
  readonly stroke: () => string;
  readonly fill?: () => string;
  readonly width?: number;
  readonly scale?: string;
}

export interface ChartOptions {
  readonly lines: readonly Line[];
  /** A label of the vertical axis, whose labels are `step` apart. */
  readonly format: (value: number, step: number) => string;
  readonly range?: uPlot.Range.MinMax;
  readonly bands?: uPlot.Band[];
  /** The row under the pointer, null when it left. */
  readonly onCursor?: (row: number | null) => void;
}

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** Steps of the time axis in seconds: labels are to the second. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800];

/** Steps of the vertical axis: 1, 2 or 5 times a power of ten, which few digits show exactly. */
const ROUND = Array.from({ length: 30 }, (_, power) => [1, 2, 5].map((factor) => factor * 10 ** (power - 12))).flat();

export class Chart {
  readonly #box: HTMLElement;
  #options: ChartOptions | null = null;
  #plot: uPlot | null = null;
  #data: uPlot.AlignedData = [[]];

  constructor(box: HTMLElement) {
    this.#box = box;
    onTheme(() => {
      this.#build();
    });
    new ResizeObserver(() => {
      this.#plot?.setSize({ width: box.clientWidth, height: box.clientHeight });
      if (this.#plot === null) this.#build();
    }).observe(box);
  }

  /** Builds the chart anew with other lines. */
  configure(options: ChartOptions): void {
    this.#options = options;
    this.#data = [[], ...options.lines.map(() => [])];
    this.#build();
  }

  /** Times in seconds, then one column a line; kept as they are. */
  show(data: uPlot.AlignedData): void {
    this.#data = data;
    this.#plot?.setData(data);
  }

  /** Brings one line to the front; null brings all back. */
  focus(line: number | null): void {
    this.#plot?.setSeries(line === null ? null : line + 1, { focus: true });
  }

  #build(): void {
    const options = this.#options;
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (options === null || width === 0 || height === 0) return;
    this.#plot?.destroy();
    this.#plot = withSoftwareCanvases(() => new uPlot(this.#settings(options, width, height), this.#data, this.#box));
  }

  #settings(options: ChartOptions, width: number, height: number): uPlot.Options {
    const { dim, grid } = colours();
    const axis: uPlot.Axis = { stroke: dim, font: FONT, ticks: { show: false }, grid: { stroke: grid, width: 1 } };
    const axes: uPlot.Axis[] = [
      { ...axis, size: 24, space: 76, incrs: STEPS, grid: { show: false }, values: (_, splits) => splits.map((at) => timeOfDay(at * 1000)) },
      { ...axis, size: 56, space: 34, incrs: ROUND, values: (_, splits, __, ___, step) => splits.map((value) => options.format(value, step)) },
    ];
    const range = options.range;
    return {
      width,
      height,
      padding: [8, 30, 0, 0],
      legend: { show: false },
      focus: { alpha: 0.18 },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, focus: { prox: -1 } },
      scales: { x: { time: true }, y: range === undefined ? {} : { range } },
      axes,
      series: [{}, ...options.lines.map((line) => series(line))],
      ...(options.bands === undefined ? {} : { bands: options.bands }),
      hooks: {
        setCursor: [(plot) => options.onCursor?.(plot.cursor.idx ?? null)],
      },
    };
  }
}

function series(line: Line): uPlot.Series {
  return {
    label: line.label,
    stroke: line.stroke(),
    width: line.width ?? 1.25,
    points: { show: false },
    ...(line.fill === undefined ? {} : { fill: line.fill() }),
    ...(line.scale === undefined ? {} : { scale: line.scale }),
  };
}
