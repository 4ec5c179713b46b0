/* What a change was, as a record that can be put back: what a reload needs until the server has it.
 *
 * Each change has a number (`edit`) that only grows, and names the one it follows (`base`), so that
 * records are put on nothing but the drawing they were made on. A record holds the drawing's list of
 * layers and the pixels of changed tiles. Knows neither where records lie nor the server.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  let latest = 0;

  /** A number greater than any before it, in this page and those before it. */
  function nextEdit(after = 0) {
    latest = Math.max(Date.now(), latest + 1, after + 1);
    return latest;
  }

  /** A drawing without its pixels, as plain values. */
  function describe({ width, height, background, layers, active }) {
    const { kind, colour = "", name = "", untouched = false } = background;
    return {
      size: [width, height],
      background: { kind, colour, name, untouched },
      layers: layers.map(({ id, name, opacity, hidden }) => ({ id, name, opacity, hidden })),
      active,
    };
  }

  /** What differs from the drawing as it was last told of.
   *
   * before: {layers, background, doc} of then, or null; change: the TileChange, where it was one.
   */
  function recordOf(doc, before, change, edit, base) {
    const same = before?.doc === doc ? new Set(before.layers.map((layer) => layer.tiles)) : new Set();
    const whole = doc.layers.filter((layer) => !same.has(layer.tiles));
    const tiles = [];
    for (const { id, tiles: own } of whole) {
      for (const [index, tile] of own.entries()) tiles.push([id, index, tile]);
    }
    if (change?.layer && same.has(change.layer.tiles)) {
      const { id, tiles: own } = change.layer;
      for (const index of change.indexes) tiles.push([id, index, own.list[index]]);
    }
    const { background } = doc;
    const ground = background !== before?.background ? (background.original ?? null) : null;
    return { edit, base, state: describe(doc), whole: whole.map((layer) => layer.id), tiles, ground };
  }

  /** The records that follow one another from the drawing with number `edit`. */
  function following(records, edit) {
    const chain = [];
    for (const record of records) {
      if (record.base !== edit) continue;
      chain.push(record);
      edit = record.edit;
    }
    return chain;
  }

  function backgroundOf({ background }, ground, before) {
    if (background.kind === "colour") {
      return EaselCanvas.plainBackground(background.colour, background.untouched);
    }
    if (ground) return { kind: "image", original: ground, name: background.name, pixels: null };
    if (before?.kind !== "image") throw new Error("the picture under it was not kept");
    return before;
  }

  /** The drawing after one record; `doc` is that before it, or null. Pixels of a picture may have to
   * be read yet (wakeBackground). */
  function replay(doc, { state, whole, tiles, ground, base }) {
    const [width, height] = state.size;
    const known = new Map(doc?.layers.map((layer) => [layer.id, layer.tiles]));
    const layers = state.layers.map((layer) => {
      const own = whole.includes(layer.id) ? null : known.get(layer.id);
      if (!own && !whole.includes(layer.id) && base) throw new Error(`${layer.name} was not kept`);
      return EaselCanvas.makeLayer({ ...layer, tiles: own?.clone() ?? new EaselCanvas.Tiles(width, height) });
    });
    const byId = new Map(layers.map((layer) => [layer.id, layer.tiles]));
    for (const [id, index, tile] of tiles) byId.get(id)?.put(index, tile);
    const background = backgroundOf(state, ground, doc?.background);
    return new EaselCanvas.Drawing(width, height, background, layers, state.active);
  }

  Object.assign(EaselCanvas, { nextEdit, describe, recordOf, following, replay });
})();
