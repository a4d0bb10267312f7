/** The risk/return cloud: population, exact frontier, marked portfolios and single assets. */
import { sharpeRamp } from "../core/colour";
import { h } from "../core/dom";
import { ratio } from "../core/format";
import { painter } from "../core/scheduler";
import { ease, extent, settle, type Range } from "../core/scale";
import { load, save } from "../core/settings";
import { softwareContext } from "../core/software";
import { follow } from "../core/surface";
import { colours, isDark, onTheme, reducedMotion } from "../core/theme";
import type { Model } from "../model";
import { Choice, pane } from "../panes/pane";
import { canvasLayer } from "./canvas2d";
import { hit, type Hit } from "./hit";
import { Legend } from "./legend";
import { marks, type Mark } from "./marks";
import { drawAxes, drawBands, drawFrontier, drawMarks, drawWaiting, isSame, type Units } from "./overlay";
import type { PointLayer } from "./points";
import { Symbols } from "./symbols";
import { SharpeScale } from "./sharpe";
import { Tooltip } from "./tooltip";
import type { View } from "./view";
import { webglLayer } from "./webgl";

const YEAR_NS = 365 * 86_400e9;

/** The factors for the units that the reader chose. */
export function units(annualised: boolean, intervalNs: number): Units {
  if (!annualised || !(intervalNs > 0)) return { mean: 1, risk: 1, name: "per bar" };
  const bars = YEAR_NS / intervalNs;
  return { mean: bars, risk: Math.sqrt(bars), name: "per year" };
}

export class CloudPane {
  readonly root: HTMLElement;
  readonly request: () => void;
  readonly #describe: () => void;
  readonly #model: Model;
  /** Never shown: the points are copied from it, so that the browser composes one opaque layer, not three. */
  readonly #points: HTMLCanvasElement = h("canvas");
  readonly #context: CanvasRenderingContext2D | null;
  readonly #canvas = h("canvas", { class: "cloud-canvas", tabindex: "0", role: "img" });
  readonly #layer: PointLayer | null;
  readonly #size;
  readonly #legend = new Legend();
  readonly #tooltip = new Tooltip();
  readonly #unitChoice: Choice;
  readonly #fitChoice: Choice;
  readonly #sharpe = new SharpeScale();
  readonly #symbols: Symbols;
  #annualised = load("annualised") === "yes";
  #fit = load("fit") ?? "all";
  #axes: { risk: Range; mean: Range } | null = null;
  #goal: { risk: Range; mean: Range } | null = null;
  #last = 0;
  #pointsKey = "";
  #uploaded: object | null = null;
  #marks: Mark[] = [];
  #pointer: [number, number] | null = null;
  #chosen: Mark | null = null;

  constructor(model: Model) {
    this.#model = model;
    const { root, tools, body } = pane("cloud", "Risk and return");
    this.root = root;
    this.#unitChoice = new Choice("Units of the axes", () => {
      this.toggleUnits();
    });
    this.#fitChoice = new Choice("What the axes show", () => {
      this.toggleFit();
    });
    tools.append(this.#fitChoice.root, this.#unitChoice.root);
    this.request = painter(0, (now) => this.#paint(now));
    this.#describe = painter(1, () => {
      const scale = units(this.#annualised, model.hello?.interval_ns ?? 0);
      this.#legend.update(model, scale, this.#sharpe);
      this.#canvas.setAttribute("aria-label", this.#summary());
      return false;
    });
    const plot = h("div", { class: "cloud-plot" }, this.#canvas, this.#tooltip.root);
    body.append(plot, this.#legend.root);
    const wish = load("points");
    const layer = wish === "processor" ? null : webglLayer(this.#points, wish === "webgl");
    const software = layer === null;
    // A canvas that was asked for WebGL may give nothing else: another one takes its place.
    if (software) this.#points = h("canvas");
    this.#layer = layer ?? canvasLayer(this.#points);
    this.#context = software ? softwareContext(this.#canvas, false) : this.#canvas.getContext("2d", { alpha: false });
    this.#symbols = new Symbols(software);
    root.dataset["drawn"] = software ? "processor" : "webgl";
    this.#size = follow(plot, [this.#points, this.#canvas], () => {
      this.#pointsKey = "";
      this.request();
    });
    this.#listen();
    this.#showChoices();
  }

  toggleUnits(): void {
    this.#annualised = !this.#annualised;
    save("annualised", this.#annualised ? "yes" : "no");
    this.#showChoices();
  }

  toggleFit(): void {
    this.#fit = this.#fit === "all" ? "cloud" : "all";
    save("fit", this.#fit);
    this.#goal = null;
    this.#showChoices();
  }

  #showChoices(): void {
    this.#unitChoice.show([["bar", "per bar"], ["year", "annualised"]], this.#annualised ? "year" : "bar");
    this.#fitChoice.show([["all", "with assets"], ["cloud", "portfolios"]], this.#fit);
    this.request();
  }

  #listen(): void {
    const model = this.#model;
    for (const topic of ["portfolios", "cloud", "frontier", "bands", "points"] as const) model.on(topic, this.request);
    model.on("reset", () => {
      this.#axes = this.#goal = this.#chosen = null;
      this.#sharpe.reset();
      this.request();
    });
    onTheme(this.request);
    this.#canvas.addEventListener("pointermove", (event) => {
      this.#pointer = [event.offsetX, event.offsetY];
      this.#chosen = null;
      this.request();
    });
    this.#canvas.addEventListener("pointerleave", () => {
      this.#pointer = null;
      this.request();
    });
    this.#canvas.addEventListener("blur", () => {
      this.#chosen = null;
      this.request();
    });
    this.#canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step === undefined || this.#marks.length === 0) return;
      event.preventDefault();
      const count = this.#marks.length;
      const at = this.#marks.findIndex((mark) => isSame(mark, this.#chosen));
      this.#chosen = this.#marks[at < 0 ? (step > 0 ? 0 : count - 1) : (at + step + count) % count] ?? null;
      this.#pointer = null;
      this.request();
    });
  }

  #paint(now: number): boolean {
    const { cloud, frontier } = this.#model;
    this.#marks = marks(this.#model);
    if (cloud !== null && cloud !== this.#uploaded) {
      this.#layer?.upload(cloud.risk, cloud.mean);
      this.#sharpe.update(cloud, this.#model.riskFree);
      this.#uploaded = cloud;
      this.#pointsKey = "";
    }
    const moving = this.#moveAxes(now);
    const context = this.#context;
    if (context === null) return false;
    const { density, width, height } = this.#size;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.fillStyle = colours().surface;
    context.fillRect(0, 0, width, height);
    if (this.#axes === null) {
      drawWaiting(context, this.#size, colours());
      return false;
    }
    const view = this.#view(this.#axes);
    const scale = units(this.#annualised, this.#model.hello?.interval_ns ?? 0);
    drawAxes(context, view, colours(), scale);
    if (cloud !== null) this.#paintPoints(context, view);
    context.save();
    context.beginPath();
    context.rect(view.left, 0, width - view.left, height - view.bottom);
    context.clip();
    if (this.#model.bands !== null) drawBands(context, view, colours(), this.#model.bands);
    if (frontier !== null) drawFrontier(context, view, colours(), frontier);
    const over = this.#under(view);
    this.#symbols.prepare(this.#model.assets.length, density);
    drawMarks(context, view, colours(), this.#marks, over?.mark ?? null, this.#symbols);
    context.restore();
    this.#tooltip.show(view, over, scale, this.#model);
    this.#describe();
    return moving;
  }

  /** The population changes less often than what is drawn over it. */
  #paintPoints(context: CanvasRenderingContext2D, view: View): void {
    const key = JSON.stringify([view, isDark()]);
    if (key !== this.#pointsKey) this.#layer?.draw(view, this.#style());
    this.#pointsKey = key;
    context.drawImage(this.#points, 0, 0, view.width, view.height);
  }

  #style(): Parameters<PointLayer["draw"]>[1] {
    const dark = isDark();
    return {
      ramp: sharpeRamp(dark),
      low: this.#sharpe.low,
      high: this.#sharpe.high,
      riskFree: this.#model.riskFree,
      size: this.#size.width > 1000 ? 3.4 : 2.8,
      alpha: dark ? 0.72 : 0.62,
    };
  }

  #view(axes: { risk: Range; mean: Range }): View {
    const narrow = this.#size.width < 480;
    return { ...this.#size, ...axes, left: narrow ? 66 : 76, right: 14, top: 12, bottom: 26 };
  }

  #under(view: View): Hit | null {
    const chosen = this.#marks.find((mark) => isSame(mark, this.#chosen));
    if (chosen !== undefined) return { mark: chosen, risk: chosen.risk, mean: chosen.mean };
    return this.#pointer === null ? null : hit(view, this.#marks, this.#model.cloud, ...this.#pointer);
  }

  #moveAxes(now: number): boolean {
    const elapsed = now - this.#last;
    this.#last = now;
    const { cloud, frontier } = this.#model;
    const shown = this.#marks.filter(({ kind }) => this.#fit === "all" || kind !== "asset");
    const none = new Float64Array();
    const risk = extent(cloud?.risk ?? none, frontier?.risk ?? none, shown.map((mark) => mark.risk));
    const mean = extent(cloud?.mean ?? none, frontier?.mean ?? none, shown.map((mark) => mark.mean));
    if (risk === null || mean === null) return false;
    this.#goal = { risk: settle(this.#goal?.risk ?? null, risk), mean: settle(this.#goal?.mean ?? null, mean) };
    if (this.#axes === null || reducedMotion() || elapsed > 1000) this.#axes = this.#goal;
    const { risk: atRisk, mean: atMean } = this.#axes;
    this.#axes = { risk: ease(atRisk, this.#goal.risk, elapsed), mean: ease(atMean, this.#goal.mean, elapsed) };
    return this.#axes.risk !== this.#goal.risk || this.#axes.mean !== this.#goal.mean;
  }

  #summary(): string {
    const best = this.#marks.find(({ name }) => name === "max-sharpe exact")?.portfolio;
    const size = this.#model.cloud?.risk.length ?? 0;
    return `Risk and return of ${size} portfolios. Largest Sharpe ratio per bar ${ratio(best?.sharpe)}. Arrow keys go through the marked portfolios and assets.`;
  }
}
