/* Undo and redo without end: what a change replaced, as tiles, in bounded memory.
 *
 * A change is a set of one layer's tiles, another list of layers, or a whole document. Undoing
 * swaps what is kept with what is there, so redo is the same step again. Above a budget the changes
 * farthest from the present are deflated and handed to the attic ({put, get, drop}: the browser's
 * disk, see canvas-drawer.js); memory keeps their keys. Knows nothing of tools or of the screen.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const BYTES = EaselCanvas.TILE * EaselCanvas.TILE * 4;

  /** Deflated bytes of tiles one after another, and back. */
  async function deflate(tiles) {
    const stream = new Blob(tiles).stream().pipeThrough(new CompressionStream("deflate-raw"));
    return new Response(stream).arrayBuffer();
  }

  async function inflate(packed) {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const bytes = await new Response(stream).arrayBuffer();
    const count = bytes.byteLength / BYTES;
    return Array.from({ length: count }, (_, i) => new Uint8ClampedArray(bytes.slice(i * BYTES, (i + 1) * BYTES)));
  }

  /** What a change keeps: `slots()` are {get, set} of each kept tile. Packing empties them. */
  class Change {
    packed = null; // {key} or {bytes}, while the tiles are away
    turns = 0; // counts swaps, so that packing notices one that came in between

    get bytes() {
      if (this.packed) return 0;
      return this.slots().reduce((sum, slot) => sum + (slot.get() ? BYTES : 0), 0);
    }

    async pack(attic) {
      const slots = this.slots().filter((slot) => slot.get());
      const turn = this.turns;
      const bytes = await deflate(slots.map((slot) => slot.get()));
      const key = await attic?.put(bytes).catch(() => null);
      if (this.turns !== turn) return void (key != null && attic.drop(key));
      for (const slot of slots) slot.set(null);
      this.packed = { slots, key, bytes: key == null ? bytes : null };
    }

    async unpack(attic) {
      const { slots, key, bytes } = this.packed;
      const tiles = await inflate(bytes ?? (await attic.get(key)));
      slots.forEach((slot, i) => slot.set(tiles[i]));
      this.packed = null;
      if (key != null) attic.drop(key);
    }

    discard(attic) {
      if (this.packed?.key != null) attic.drop(this.packed.key);
    }
  }

  /** Tiles of one layer as they were before a change, kept on first touch. */
  class TileChange extends Change {
    constructor(layer) {
      super();
      this.layer = layer;
      this.tiles = new Map();
    }

    get indexes() {
      return [...this.tiles.keys()];
    }

    slots() {
      return this.indexes.map((index) => ({
        get: () => this.tiles.get(index),
        set: (tile) => this.tiles.set(index, tile),
      }));
    }

    /** The tile before the change, or null. */
    before(index) {
      const { list } = this.layer.tiles;
      if (!this.tiles.has(index)) this.tiles.set(index, list[index]);
      return this.tiles.get(index);
    }

    /** A tile of the layer that this change may write into. */
    writable(index) {
      const before = this.before(index);
      const { tiles } = this.layer;
      if (tiles.list[index] === before) {
        tiles.put(index, before?.slice() ?? new Uint8ClampedArray(BYTES));
      }
      return tiles.list[index];
    }

    restore(index) {
      this.layer.tiles.put(index, this.before(index));
    }

    /** The change is done: forget tiles that are as before, and empty ones. */
    settle() {
      const { tiles } = this.layer;
      for (const [index, before] of this.tiles) {
        const now = tiles.list[index];
        if (now && now !== before && EaselCanvas.isBlank(now)) tiles.put(index, null);
        if (tiles.list[index] === before) this.tiles.delete(index);
      }
      tiles.version++; // what was captured in mid-stroke is stale
      return this;
    }

    swap() {
      const { tiles } = this.layer;
      for (const [index, tile] of this.tiles) {
        this.tiles.set(index, tiles.list[index]);
        tiles.put(index, tile);
      }
    }
  }

  const slotsOf = (layers) =>
    layers.flatMap(({ tiles }) =>
      tiles.entries().map(([index]) => ({
        get: () => tiles.list[index],
        set: (tile) => void (tiles.list[index] = tile),
      })),
    );

  /** Another list of layers, chosen layer and background of the same document. */
  class ListChange extends Change {
    /** kept: {layers, active, background} to return to; exchange(kept) answers what it replaced. */
    constructor(kept, exchange, current) {
      super();
      this.exchange = exchange;
      this.keep(kept, current);
    }

    keep(kept, current) {
      const shown = new Set(current.layers.map((layer) => layer.tiles));
      this.kept = kept;
      this.away = kept.layers.filter((layer) => !shown.has(layer.tiles)); // in no other change
    }

    slots() {
      return slotsOf(this.away);
    }

    swap() {
      const next = this.kept;
      this.keep(this.exchange(next), next);
    }
  }

  /** A replaced document; `exchange(doc)` shows it and answers the one that was shown. */
  class DocumentSwap extends Change {
    constructor(doc, exchange) {
      super();
      this.doc = doc;
      this.exchange = exchange;
    }

    get bytes() {
      return super.bytes + (this.doc.background.pixels?.length ?? 0);
    }

    slots() {
      return slotsOf(this.doc.layers);
    }

    /** A picture's pixels can be read again from its file. */
    async pack(attic) {
      const { turns } = this;
      await super.pack(attic);
      if (this.turns === turns && this.doc.background.original) this.doc.background.pixels = null;
    }

    async unpack(attic) {
      await EaselCanvas.wakeBackground(this.doc.background);
      await super.unpack(attic);
    }

    swap() {
      this.doc = this.exchange(this.doc);
    }
  }

  class History {
    /** budget: bytes of pixels that stay in memory as they are. */
    constructor(budget, attic = null) {
      Object.assign(this, { budget, attic });
      this.past = [];
      this.future = [];
      this.packing = null;
    }

    get bytes() {
      return [...this.past, ...this.future].reduce((sum, change) => sum + change.bytes, 0);
    }

    add(change) {
      for (const gone of this.future) gone.discard(this.attic);
      this.future = [];
      this.past.push(change);
      this.tidy();
    }

    /** Nothing can be taken back any more. */
    forget() {
      for (const gone of [...this.past, ...this.future]) gone.discard(this.attic);
      this.past = [];
      this.future = [];
    }

    /** Pack what is farthest from the present until the rest is within the budget. */
    tidy() {
      if (this.packing || this.bytes <= this.budget) return;
      const awake = (change) => change.bytes > 0;
      const far = this.past.slice(0, -1).find(awake) ?? this.future.slice(0, -1).find(awake);
      if (!far) return;
      this.packing = far.pack(this.attic).finally(() => {
        this.packing = null;
        this.tidy();
      });
      this.packing.catch(() => {}); // it stays in memory, and is tried again at the next change
    }

    /** Take one step: "past" undoes, "future" redoes. Answers the change; null where there is none.
     * A promise of it where its pixels come back from the attic first. */
    step(way) {
      const change = this[way].at(-1);
      if (!change) return null;
      change.turns++;
      const take = () => {
        this[way].pop();
        change.swap();
        this[way === "past" ? "future" : "past"].push(change);
        this.tidy();
        return change;
      };
      return change.packed ? change.unpack(this.attic).then(take) : take();
    }
  }

  Object.assign(EaselCanvas, { TileChange, ListChange, DocumentSwap, History });
})();
