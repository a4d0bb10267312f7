/**
 * A table of numbers over time with a fixed number of rows: the oldest row goes when a new one comes.
 *
 * Rows are kept in columns twice as long as needed, so that the newest `capacity` values are always one
 * contiguous piece: no copy to look at, one `copyWithin` every `capacity` rows.
 */
export class Series {
  readonly capacity: number;
  readonly #columns: Float64Array[];
  #end = 0;

  /** `width` columns besides the time. */
  constructor(width: number, capacity: number) {
    this.capacity = capacity;
    this.#columns = Array.from({ length: width + 1 }, () => new Float64Array(2 * capacity));
  }

  get length(): number {
    return Math.min(this.#end, this.capacity);
  }

  get width(): number {
    return this.#columns.length - 1;
  }

  /** Adds a row; one that is not later than the newest is left out. Returns whether it was added. */
  push(time: number, values: ArrayLike<number>): boolean {
    if (this.length > 0 && time <= this.lastTime) return false;
    if (this.#end === 2 * this.capacity) {
      for (const column of this.#columns) column.copyWithin(0, this.capacity);
      this.#end = this.capacity;
    }
    this.#end += 1;
    this.#write(time, values);
    return true;
  }

  /** Writes over the newest row. */
  replaceLast(time: number, values: ArrayLike<number>): void {
    if (this.length > 0) this.#write(time, values);
  }

  get lastTime(): number {
    return this.#columns[0]?.[this.#end - 1] ?? Number.NEGATIVE_INFINITY;
  }

  /** The rows of column `index`, oldest first; column 0 is the time. Valid until the next push. */
  column(index: number): Float64Array {
    const start = this.#end - this.length;
    return this.#columns[index]?.subarray(start, this.#end) ?? new Float64Array();
  }

  clear(): void {
    this.#end = 0;
  }

  #write(time: number, values: ArrayLike<number>): void {
    const row = this.#end - 1;
    for (const [index, column] of this.#columns.entries()) {
      column[row] = index === 0 ? time : (values[index - 1] ?? Number.NaN);
    }
  }
}
