/* Layers of a drawing as frozen records, and what becomes of their list: add, delete, move, merge.
 *
 * A layer is {id, name, opacity in percent, hidden, tiles}; a change of its record makes a new
 * record over the same tiles. Lists run from the lowest to the topmost. Every function here answers
 * a new list, or null where nothing would change. Knows nothing of undo or of the screen.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const MAX_LAYERS = 32;
  const MAX_NAME = 60;

  function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function makeLayer({ id = randomId(), name, opacity = 100, hidden = false, tiles }) {
    return Object.freeze({ id, name, opacity, hidden, tiles });
  }

  /** "Layer 3", with the lowest number that no layer has. */
  function freeName(layers) {
    const taken = new Set(layers.map((layer) => layer.name));
    let number = 1;
    while (taken.has(`Layer ${number}`)) number++;
    return `Layer ${number}`;
  }

  const emptyLayer = (width, height, layers = []) =>
    makeLayer({ name: freeName(layers), tiles: new EaselCanvas.Tiles(width, height) });

  /** A layer put above the one at `index`. */
  function withLayer(layers, index, layer) {
    return layers.length < MAX_LAYERS ? layers.toSpliced(index + 1, 0, layer) : null;
  }

  /** The list without one layer; the last one of all stays. */
  const withoutLayer = (layers, index) => (layers.length > 1 ? layers.toSpliced(index, 1) : null);

  function withMoved(layers, from, to) {
    if (from === to || to < 0 || to >= layers.length) return null;
    return layers.toSpliced(from, 1).toSpliced(to, 0, layers[from]);
  }

  /** The list with name, opacity or hidden of one layer changed. */
  function withChanged(layers, index, change) {
    const layer = layers[index];
    const next = { ...layer, ...change };
    next.opacity = Math.min(100, Math.max(0, Math.round(next.opacity)));
    next.name = String(next.name).trim().slice(0, MAX_NAME) || layer.name;
    const same = ["name", "opacity", "hidden"].every((key) => next[key] === layer[key]);
    return same ? null : layers.toSpliced(index, 1, makeLayer(next));
  }

  /** Tiles of layers laid over nothing, lowest first; hidden ones count as absent. */
  function flattenLayers(layers, width, height) {
    const merged = new EaselCanvas.Tiles(width, height);
    const shown = layers.filter((layer) => !layer.hidden && layer.opacity > 0);
    merged.list.forEach((_, index) => {
      const parts = shown.filter((layer) => layer.tiles.list[index]);
      if (!parts.length) return;
      if (parts.length === 1 && parts[0].opacity === 100) {
        return merged.put(index, parts[0].tiles.list[index]);
      }
      const { TILE } = EaselCanvas;
      const out = new Uint8ClampedArray(TILE * TILE * 4);
      for (const { tiles, opacity } of parts) {
        EaselCanvas.layTile(out, 0, TILE, tiles.list[index], TILE, { w: TILE, h: TILE }, opacity, null);
      }
      merged.put(index, EaselCanvas.isBlank(out) ? null : out);
    });
    return merged;
  }

  /** A layer and the one below it as one layer with the lower one's name. */
  function withMergedDown(layers, index) {
    if (index < 1) return null;
    const [below, above] = layers.slice(index - 1, index + 1);
    const { width, height } = below.tiles;
    const tiles = flattenLayers([below, above], width, height);
    return layers.toSpliced(index - 1, 2, makeLayer({ name: below.name, tiles }));
  }

  Object.assign(EaselCanvas, {
    MAX_LAYERS,
    makeLayer,
    emptyLayer,
    flattenLayers,
    withLayer,
    withoutLayer,
    withMoved,
    withChanged,
    withMergedDown,
  });
})();
