/** Typed notifications: who changes state says which topic changed; who shows it listens. */
export class Emitter<Topics extends Record<string, unknown>> {
  readonly #listeners = new Map<keyof Topics, Set<(value: never) => void>>();

  on<Topic extends keyof Topics>(topic: Topic, listener: (value: Topics[Topic]) => void): void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(topic, listeners);
  }

  emit<Topic extends keyof Topics>(topic: Topic, value: Topics[Topic]): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(value as never);
  }
}
