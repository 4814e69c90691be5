import { LedgerUnavailable, Overloaded, invariant } from '@spendgate/domain';

export interface LaneBatch<Item> {
  /** The first of the lanes that the batch holds. */
  readonly lane: number;
  readonly items: readonly Item[];
  /** When the oldest of them was submitted. */
  readonly waitingSinceMs: number;
}

export interface LaneSettings<Item, Outcome> {
  readonly laneCount: number;
  readonly batchLimit: number;
  /** A request is taken while fewer items than this wait, however many it brings. */
  readonly queueLimit: number;
  readonly laneOf: (item: Item) => number;
  /** One outcome for each item, in order. */
  readonly run: (batch: LaneBatch<Item>) => Promise<readonly Outcome[]>;
  readonly nowMs: () => number;
}

interface Request<Outcome> {
  readonly outcomes: Outcome[];
  readonly submittedAtMs: number;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
  left: number;
  failed: boolean;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly position: number;
  readonly request: Request<Outcome>;
}

interface Lane<Item, Outcome> {
  readonly number: number;
  readonly waiting: Waiting<Item, Outcome>[];
  busy: boolean;
}

/**
 * Coalesces what concurrent requests submit. Items go to lanes by `laneOf`; a lane is in one batch at a
 * time, so two items of one lane never run side by side. A batch takes what waits in every idle lane, up
 * to `batchLimit`: under little load one batch carries a request whole, under much the lanes run apart.
 */
export class Lanes<Item, Outcome> {
  readonly #settings: LaneSettings<Item, Outcome>;
  readonly #lanes: readonly Lane<Item, Outcome>[];
  #waitingCount = 0;
  #runningCount = 0;
  #onIdle: (() => void)[] = [];

  constructor(settings: LaneSettings<Item, Outcome>) {
    this.#settings = settings;
    this.#lanes = Array.from({ length: settings.laneCount }, (_, number) => ({
      number,
      waiting: [],
      busy: false,
    }));
  }

  get waitingItems(): number {
    return this.#waitingCount;
  }

  /**
   * One outcome for each item, in order, once all are settled. After `withinMs` the request is given up: what of it
   * still waits is dropped, what is in a batch goes on.
   * @throws Overloaded when too much is waiting already; LedgerUnavailable when it is given up; else what the batch
   * of one of them threw.
   */
  submit(
    items: readonly Item[],
    of: { readonly withinMs?: number | undefined } = {},
  ): Promise<readonly Outcome[]> {
    if (items.length === 0) return Promise.resolve([]);
    if (this.#waitingCount >= this.#settings.queueLimit) {
      return Promise.reject(new Overloaded('too many events are waiting'));
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly Outcome[]>();
    const request: Request<Outcome> = {
      outcomes: [],
      submittedAtMs: this.#settings.nowMs(),
      resolve,
      reject,
      left: items.length,
      failed: false,
    };
    for (const [position, item] of items.entries()) {
      const lane = this.#lanes[this.#settings.laneOf(item) % this.#lanes.length];
      lane?.waiting.push({ item, position, request });
    }
    this.#waitingCount += items.length;
    this.#start();
    return of.withinMs === undefined ? promise : untilGivenUp(promise, { request, withinMs: of.withinMs });
  }

  /** Resolves when nothing waits or runs any more. */
  drained(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
    });
  }

  #isIdle(): boolean {
    return this.#waitingCount === 0 && this.#runningCount === 0;
  }

  #start(): void {
    for (let next = this.#takeBatch(); next.taken > 0; next = this.#takeBatch()) {
      if (next.batch.length > 0) void this.#runBatch(next.claimed, next.batch);
    }
    if (this.#isIdle()) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Claims idle lanes with work until the batch is full. Items of requests that failed are dropped. */
  #takeBatch() {
    const { batchLimit } = this.#settings;
    const claimed: Lane<Item, Outcome>[] = [];
    const batch: Waiting<Item, Outcome>[] = [];
    let taken = 0;
    for (const lane of this.#lanes) {
      if (lane.busy || lane.waiting.length === 0 || batch.length >= batchLimit) continue;
      const items = lane.waiting.splice(0, batchLimit - batch.length);
      taken += items.length;
      const live = items.filter(({ request }) => !request.failed);
      if (live.length === 0) continue;
      lane.busy = true;
      claimed.push(lane);
      for (const item of live) batch.push(item);
    }
    this.#waitingCount -= taken;
    return { claimed, batch, taken };
  }

  async #runBatch(
    claimed: readonly Lane<Item, Outcome>[],
    batch: readonly Waiting<Item, Outcome>[],
  ): Promise<void> {
    this.#runningCount += 1;
    try {
      const outcomes = await this.#settings.run({
        lane: claimed[0]?.number ?? 0,
        items: batch.map(({ item }) => item),
        waitingSinceMs: batch.reduce(
          (least, { request }) => Math.min(least, request.submittedAtMs),
          Infinity,
        ),
      });
      settle(batch, outcomes);
    } catch (error) {
      fail(batch, error);
    }
    this.#runningCount -= 1;
    for (const lane of claimed) lane.busy = false;
    this.#start();
  }
}

async function untilGivenUp<Outcome>(
  answer: Promise<readonly Outcome[]>,
  of: { readonly request: Request<Outcome>; readonly withinMs: number },
): Promise<readonly Outcome[]> {
  const { request } = of;
  const timer = setTimeout(() => {
    request.failed = true;
    request.reject(new LedgerUnavailable(`the events were not recorded within ${of.withinMs} ms`));
  }, of.withinMs);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}

function settle<Item, Outcome>(batch: readonly Waiting<Item, Outcome>[], outcomes: readonly Outcome[]): void {
  invariant(outcomes.length === batch.length, 'every item of a batch has an outcome');
  for (const [index, outcome] of outcomes.entries()) {
    const waiting = batch[index];
    if (waiting === undefined) continue;
    const { request, position } = waiting;
    request.outcomes[position] = outcome;
    request.left -= 1;
    if (request.left === 0) request.resolve(request.outcomes);
  }
}

function fail<Item, Outcome>(batch: readonly Waiting<Item, Outcome>[], error: unknown): void {
  for (const { request } of batch) {
    if (request.failed) continue;
    request.failed = true;
    request.reject(error);
  }
}
