/** Puts the page together: one model, fed by the stream; panes that listen to it. */
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/panes.css";
import "./styles/sql.css";
import { universes } from "./api/rest";
import { Stream } from "./api/stream";
import { followBands } from "./cloud/bands";
import { CloudPane } from "./cloud/pane";
import { h, must, setData } from "./core/dom";
import { scheduler } from "./core/scheduler";
import { load, save } from "./core/settings";
import { apply as applyTheme, toggleTheme } from "./core/theme";
import { Model } from "./model";
import { EventsPane } from "./panes/events";
import { Header } from "./panes/header";
import { Help, listen, type Key } from "./panes/help";
import { HistoryPane } from "./panes/history";
import { LatencyPane } from "./panes/latency";
import { PricesPane } from "./panes/prices";
import { Selection } from "./panes/selection";
import { ThroughputPane } from "./panes/throughput";
import { WeightsPane } from "./panes/weights";
import { SqlPane } from "./sql/pane";

applyTheme();
const model = new Model();
const selection = new Selection(model);
followBands(model);
let universe = load("universe") ?? "";

const header = new Header(
  model,
  (name) => {
    universe = name;
    save("universe", name);
    stream.restart();
  },
  () => {
    help.toggle();
  },
);
const cloud = new CloudPane(model);
const sqlPane = new SqlPane(model);
const panes = [
  cloud,
  new WeightsPane(model, selection),
  new HistoryPane(model, selection),
  new PricesPane(model),
  new ThroughputPane(model),
  new LatencyPane(model),
  new EventsPane(model),
  sqlPane,
];

const keys: readonly Key[] = [
  { keys: ["?"], text: "this list", act: () => { help.toggle(); } },
  { keys: ["t"], text: "dark or light", act: toggleTheme },
  { keys: ["a"], text: "axes per bar or annualised", act: () => { cloud.toggleUnits(); } },
  { keys: ["f"], text: "axes around all assets or the portfolios", act: () => { cloud.toggleFit(); } },
  { keys: ["["], text: "portfolio before", act: () => { selection.step(-1); } },
  { keys: ["]"], text: "next portfolio", act: () => { selection.step(1); } },
  { keys: ["u"], text: "choose a universe", act: () => { header.chooser.focus(); } },
  { keys: ["/"], text: "write SQL", act: () => { sqlPane.focus(); } },
  { keys: ["←", "→"], text: "in the cloud: go through portfolios and assets" },
  { keys: ["Ctrl+Enter"], text: "in SQL: run" },
  { keys: ["Alt+↑", "Alt+↓"], text: "in SQL: earlier and later queries" },
  { keys: ["Ctrl+Space", "Tab"], text: "in SQL: complete a name, take it" },
];
const help = new Help(keys);
listen(keys);

must("#app").replaceChildren(
  header.root,
  header.alarm,
  h("main", { class: "panes", "aria-label": "Live values" }, ...panes.map((pane) => pane.root)),
  help.root,
);

const page = document.documentElement;
scheduler.onFrame = (frames) => {
  page.dataset["frames"] = String(frames);
  setData(page, "sequence", model.stamp?.sequence);
};
document.addEventListener("visibilitychange", () => {
  scheduler.wake();
});

const stream = new Stream({
  prepare: async (signal) => {
    const found = await universes(signal);
    model.setUniverses(found);
    const chosen = found.find((info) => info.universe === universe) ?? found[0];
    if (chosen === undefined) throw new Error("The server has no universe yet.");
    return chosen.universe;
  },
  connection: (connection) => { model.setConnection(connection); },
  hello: (hello) => { model.takeHello(hello); },
  state: (state) => { model.takeState(state); },
  message: (message) => { model.take(message); },
});
stream.restart();
