/** The header: which universe, whether it is connected, fed and stored, and the theme. */
import type { StoreState } from "../api/types";
import { button, h, setData, setText } from "../core/dom";
import { age, timeOfDay } from "../core/format";
import { painter } from "../core/scheduler";
import { toggleTheme } from "../core/theme";
import type { Model } from "../model";
import { places } from "./places";
import { staleAfter } from "./stale";

class Light {
  readonly root: HTMLElement;
  readonly #text = h("span");

  constructor(id: string, label: string) {
    this.root = h("span", { class: "light", "data-testid": id, role: "status", "aria-label": label });
    this.root.append(h("i", { "aria-hidden": "true" }), this.#text);
  }

  show(tone: "good" | "warn" | "bad" | "idle", text: string, title = ""): void {
    setText(this.#text, text);
    setData(this.root, "tone", tone);
    if (this.root.title !== title) this.root.title = title;
  }
}

export class Header {
  readonly root: HTMLElement;
  readonly alarm = h("p", { class: "alarm", role: "alert", "data-testid": "alarm", hidden: true });
  readonly chooser = h("select", { "aria-label": "Universe", "data-testid": "universe", disabled: true });
  readonly #model: Model;
  readonly #variant = h("span", { class: "variant", "data-testid": "variant" });
  readonly #connection = new Light("connection", "Connection");
  readonly #feed = new Light("feed", "Feed");
  readonly #store = new Light("store", "Store");

  constructor(model: Model, onChoose: (universe: string) => void, onHelp: () => void) {
    this.#model = model;
    const theme = button("◐", "Dark or light (t)", toggleTheme);
    const help = button("?", "Help (?)", onHelp);
    const name = h("h1", {}, h("i", { class: "logo", "aria-hidden": "true" }), "SilverBullet");
    const lights = h("div", { class: "lights" }, this.#connection.root, this.#feed.root, this.#store.root);
    const right = h("div", { class: "head-tools" }, help, theme);
    const which = h("div", { class: "which" }, this.chooser, this.#variant);
    this.root = h("header", { class: "top", "data-testid": "header" }, name, which, lights, right);
    this.chooser.addEventListener("change", () => {
      onChoose(this.chooser.value);
    });
    model.on("universes", () => {
      this.#paintChooser();
    });
    const request = painter(1, () => {
      this.#paint();
      return false;
    });
    for (const topic of ["state", "connection", "reset"] as const) model.on(topic, request);
    // Ages grow also when nothing comes.
    setInterval(request, 500);
    document.documentElement.dataset["connection"] = model.connection.state;
    model.on("connection", ({ state }) => {
      document.documentElement.dataset["connection"] = state;
    });
  }

  #paintChooser(): void {
    const names = this.#model.universes.map((info) => info.universe);
    const shown = [...this.chooser.options].map((option) => option.value);
    if (names.join("\n") !== shown.join("\n")) {
      this.chooser.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    }
    this.chooser.disabled = names.length < 2;
    this.chooser.value = this.#model.hello?.universe ?? names[0] ?? "";
  }

  #paint(): void {
    const { hello, state, info } = this.#model;
    if (hello !== null) {
      if (this.chooser.value !== hello.universe) this.chooser.value = hello.universe;
      setText(this.#variant, hello.variant);
      this.#variant.title = `variant ${hello.variant} · window ${hello.window} bars${info ? ` · ${info.estimator}` : ""} · run ${hello.run_id} · version ${hello.version}`;
    }
    const lost = this.#paintConnection();
    const stale = this.#paintFeed();
    this.#paintStore(state?.store ?? null);
    const texts = [lost, stale].filter((text) => text !== "");
    setText(this.alarm, texts[0] ?? "");
    this.alarm.hidden = texts.length === 0;
    setData(document.documentElement, "phase", state?.phase ?? "");
  }

  #paintConnection(): string {
    const { state, heard } = this.#model.connection;
    document.documentElement.classList.toggle("lost", state === "lost" || state === "reconnecting");
    const since = Number.isFinite(heard) ? ` since ${timeOfDay(heard)}` : "";
    if (state === "live") this.#connection.show("good", "live");
    else if (state === "connecting") this.#connection.show("idle", "connecting");
    else if (state === "reconnecting") this.#connection.show("warn", "reconnecting");
    else this.#connection.show("bad", `lost${since}`);
    if (state === "live" || state === "connecting") return "";
    return Number.isFinite(heard)
      ? `Connection lost – showing values of ${timeOfDay(heard)}`
      : "No connection to the server yet – trying again";
  }

  /** Shows the phase and the age of the data; returns the alarm where there is one. */
  #paintFeed(): string {
    const { state, stateAt, hello, connection } = this.#model;
    if (state === null) {
      this.#feed.show("idle", "no data yet");
      return "";
    }
    if (connection.state !== "live") {
      this.#feed.show("idle", `${state.source} –`, "Not known without a connection");
      return "";
    }
    const since = Math.max(0, Date.now() - stateAt);
    const old = state.last_input_age_ms === null ? Number.NaN : state.last_input_age_ms + since;
    const running = state.phase === "live" || state.phase === "warming-up";
    const stale = running && old > staleAfter(hello?.interval_ns ?? 0);
    setData(this.#feed.root, "value", state.last_input_age_ms);
    const tone = state.phase === "failed" ? "bad" : stale ? "bad" : state.phase === "live" ? "good" : "warn";
    this.#feed.show(tone, `${state.source} ${state.phase}${running ? ` · ${age(old)} old` : ""}`);
    if (state.phase === "failed") return "The engine has failed – see the events and the log";
    return stale ? `STALE: no price for ${age(old)}` : "";
  }

  #paintStore(store: StoreState | null): void {
    if (this.#model.state === null || this.#model.connection.state !== "live") {
      this.#store.show("idle", "store –");
      return;
    }
    if (store === null) {
      this.#store.show("idle", "no store", "Nothing is stored by this run.");
      return;
    }
    const reason = store.reason ?? "";
    const tone = store.status === "ok" ? "good" : store.status === "behind" ? "warn" : "bad";
    this.#store.show(tone, `store ${store.status}${reason === "" || tone === "good" ? "" : `: ${reason}`}`, places(store));
  }
}
