/* The canvas's keys as one table, {keys, where, text, on}; the page's sheet of shortcuts shows the same.
 *
 * A row's `on` maps keys as the browser names them, lower case, to what they do.
 * Letters that a setting may change stand under the setting's name. Knows the controller's verbs;
 * which event is a key press is canvas-input.js's business.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  /** Keys as the settings name them (canvas_hotkey_*). */
  const HOTKEYS = {
    zoom: "Alt",
    adjust: "Ctrl",
    shrink_brush: "Q",
    grow_brush: "W",
    move: "F",
    fullscreen: "S",
    reset: "R",
  };

  /** What `canvas_disabled_functions` may switch off, by the name of its hotkey. */
  const FUNCTIONS = {
    Zoom: "zoom",
    "Adjust brush size": "adjust",
    "Hotkey shrink brush": "shrink_brush",
    "Hotkey enlarge brush": "grow_brush",
    "Moving canvas": "move",
    Fullscreen: "fullscreen",
    "Reset Zoom": "reset",
  };

  const opacityKeys = Object.fromEntries(
    Array.from("1234567890", (digit, i) => [digit, (canvas) => canvas.setBrush({ opacity: (i + 1) / 10 })]),
  );

  /** Rows {keys: [...], where, text, on: {key: act(controller)}} for hotkeys as in HOTKEYS; "" is none. */
  function shortcutsFor(hotkeys = {}) {
    const key = { ...HOTKEYS, ...hotkeys };
    const letter = (name) => key[name].toLowerCase();
    const rows = [];
    const add = (keys, text, on = {}) => rows.push({ keys, where: "On the canvas", text, on });
    const tool = (name, text, chosen) =>
      add([name], text, { [name.toLowerCase()]: (canvas) => canvas.setTool(chosen) });
    const set = (name, text, act) => key[name] && add([key[name]], text, { [letter(name)]: act });

    tool("B", "Brush", "brush");
    tool("E", "Eraser", "eraser");
    tool("G", "Fill", "fill");
    tool("I", "Pick a colour (also Alt+click)", "pick");
    tool("L", "Line", "line");
    tool("U", "Rectangle", "rectangle");
    tool("O", "Ellipse", "ellipse");
    add(["X"], "Swap the two colours", { x: (canvas) => canvas.swapColours() });
    const { shrink_brush: less, grow_brush: more } = key;
    add([less, more, "[", "]"].filter(Boolean), "Smaller or larger brush", {
      ...(less && { [letter("shrink_brush")]: (canvas) => canvas.growBrush(-1) }),
      ...(more && { [letter("grow_brush")]: (canvas) => canvas.growBrush(1) }),
      "[": (canvas) => canvas.growBrush(-1),
      "]": (canvas) => canvas.growBrush(1),
    });
    add(["1", "…", "0"], "Opacity of the brush, 10 % … 100 %", opacityKeys);
    add(["Shift+drag"], "Straight line, square, circle");
    add(["Shift+click"], "Straight line from the last point");
    add(["Ctrl+Z"], "Undo", { "ctrl+z": (canvas) => canvas.undo() });
    add(["Ctrl+Shift+Z", "Ctrl+Y"], "Redo", {
      "ctrl+shift+z": (canvas) => canvas.redo(),
      "ctrl+y": (canvas) => canvas.redo(),
    });
    add(["Delete"], "Clear the layer", { delete: (canvas) => canvas.clear() });
    add(["N"], "New layer", { n: (canvas) => canvas.addLayer() });
    add([".", ","], "Layer above, layer below", {
      ".": (canvas) => canvas.chooseLayer(canvas.doc.active + 1),
      ",": (canvas) => canvas.chooseLayer(canvas.doc.active - 1),
    });
    add(["H"], "Hide or show the layer", { h: (canvas) => canvas.toggleLayer() });
    add(["M"], "Merge the layer with the one below", { m: (canvas) => canvas.mergeDown() });
    if (key.zoom) add([`${key.zoom}+wheel`], "Zoom");
    if (key.adjust) add([`${key.adjust}+wheel`], "Size of the brush");
    add([key.move, "Space"].filter(Boolean), "Move the view, while held");
    set("reset", "Fit the view", (canvas) => canvas.fit());
    set("fullscreen", "Fill the window, and back", (canvas) => canvas.toggleFullscreen());
    add(["Escape"], "Give up the stroke; leave the full window");
    return rows;
  }

  /** Hotkeys without those that a setting switched off. */
  function allowedHotkeys(hotkeys = {}, disabled = []) {
    const off = disabled.filter((name) => name in FUNCTIONS).map((name) => [FUNCTIONS[name], ""]);
    return { ...HOTKEYS, ...hotkeys, ...Object.fromEntries(off) };
  }

  Object.assign(EaselCanvas, {
    shortcutsFor,
    allowedHotkeys,
    HOTKEYS,
    SHORTCUTS: shortcutsFor(),
  });
})();
