/* What can be done to a drawing's layers and background: verbs of the controller, one undo step each.
 *
 * Knows the controller's document and history; which button or key asks is not its business. A verb
 * that cannot do anything (the last layer, a mask's only one) does nothing.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  /** Numbers of the tiles that look different between two lists of layers. */
  function differingTiles(before, after) {
    const found = new Set();
    const collect = (layer) => layer?.tiles.entries().forEach(([index]) => found.add(index));
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      if (before[i] === after[i]) continue;
      collect(before[i]);
      collect(after[i]);
    }
    return found;
  }

  const layerVerbs = {
    /** Show another list of layers, chosen layer or background. `continues`: no step of its own. */
    relist({ layers = this.doc.layers, active = this.doc.active, background = this.doc.background }, continues = false) {
      if (!layers || !this.layered || this.busy) return false;
      const next = { layers, active: Math.min(layers.length - 1, Math.max(0, active)), background };
      const before = this.exchangeList(next);
      if (!continues) {
        this.adjusting = null;
        this.history.add(new EaselCanvas.ListChange(before, (kept) => this.exchangeList(kept), next));
      }
      this.changed();
      return true;
    },

    /** Show layers and background without telling anybody; answers what was shown. */
    exchangeList(next) {
      const before = this.doc.exchange(next);
      this.tools.lineEnd = null;
      if (before.background !== next.background) this.view.damaged();
      else this.view.damaged(differingTiles(before.layers, next.layers));
      return before;
    },

    addLayer() {
      const { width, height, layers, active } = this.doc;
      const next = EaselCanvas.withLayer(layers, active, EaselCanvas.emptyLayer(width, height, layers));
      if (!next) {
        return this.say("A drawing has at most {n} layers", false, { n: EaselCanvas.MAX_LAYERS });
      }
      if (this.relist({ layers: next, active: active + 1 })) this.togglePanel(true);
    },

    removeLayer() {
      const { layers, active } = this.doc;
      const next = EaselCanvas.withoutLayer(layers, active);
      if (next) this.relist({ layers: next, active: Math.max(0, active - 1) });
    },

    /** Move the chosen layer up (positive) or down. */
    moveLayer(by) {
      const { layers, active } = this.doc;
      const next = EaselCanvas.withMoved(layers, active, active + by);
      if (next) this.relist({ layers: next, active: active + by });
    },

    /** Put the layer of that id at a place in the list, counted from the lowest. */
    placeLayer(id, to) {
      const { layers } = this.doc;
      const from = layers.findIndex((layer) => layer.id === id);
      const next = from < 0 ? null : EaselCanvas.withMoved(layers, from, to);
      if (next) this.relist({ layers: next, active: to });
    },

    mergeDown() {
      const { layers, active } = this.doc;
      const next = EaselCanvas.withMergedDown(layers, active);
      if (next) this.relist({ layers: next, active: active - 1 });
    },

    toggleLayer(index = this.doc.active) {
      const { layers } = this.doc;
      const next = EaselCanvas.withChanged(layers, index, { hidden: !layers[index].hidden });
      this.relist({ layers: next });
    },

    renameLayer(index, name) {
      const next = EaselCanvas.withChanged(this.doc.layers, index, { name });
      if (next) this.relist({ layers: next });
    },

    /** Change the chosen layer's opacity (percent); until endChange() that is one undo step. */
    changeLayer(change) {
      const { layers, active } = this.doc;
      const next = EaselCanvas.withChanged(layers, active, change);
      if (!next) return;
      const continues = this.adjusting === layers[active].id;
      if (this.relist({ layers: next }, continues)) this.adjusting = next[active].id;
    },

    endChange() {
      this.adjusting = null;
    },

    /** Draw on another layer. No undo step: nothing looks different. */
    chooseLayer(index) {
      if (this.busy || !this.layered || !this.doc.layers[index] || index === this.doc.active) return;
      this.doc.active = index;
      this.adjusting = null;
      this.tools.lineEnd = null;
      this.update();
    },

    /** Another colour under the layers; nothing where a picture lies there. */
    setBackground(colour) {
      const { background } = this.doc;
      if (background.kind !== "colour" || background.colour === colour) return;
      this.relist({ background: EaselCanvas.plainBackground(colour) });
    },

    /** Mask mode: what was masked is free, and the other way round. */
    invertMask() {
      if (!this.masks || this.busy || this.isEmpty) return;
      this.commit(EaselCanvas.invertLayer(this.doc, EaselCanvas.parseColour(this.colour)));
    },

    /** Mask mode: how strongly (0..1) the mask is shown; the mask itself stays as it is. */
    setVeil(strength) {
      this.veil = strength;
      this.view.tint = { ...this.view.tint, strength };
      this.view.damaged();
      this.update();
    },

    /** Open or close the list of layers. */
    togglePanel(open = !this.panelOpen) {
      this.panelOpen = open && this.layered;
      this.update();
    },
  };

  Object.assign(EaselCanvas, { layerVerbs });
})();
