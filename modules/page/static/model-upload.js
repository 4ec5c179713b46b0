/* One weights file on its way to the server, piece by piece, with a row that tells how far it is.
 *
 * The file's header goes first, so that what is no weights file is refused at once. Knows no drawer.
 */
(() => {
  "use strict";
  const { make, svg, ask } = EaselDom;
  const API = "easel/v1/models/uploads";
  const TRIES = 5;
  const WAIT = 1500; // ms before a piece is sent again
  const PICKLES = /\.(ckpt|pt|bin)$/i;
  const CLOSE = "M6 6l12 12M18 6 6 18";
  let underWay = 0;

  const size = (bytes) => bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6 ? `${(bytes / 1e6).toFixed(0)} MB` : `${Math.ceil(bytes / 1e3)} kB`;

  /** A list item with name, words, bar and room for buttons. */
  function row(name) {
    const item = make("li");
    const text = make("span");
    const title = make("b");
    title.textContent = name;
    const small = make("small");
    const bar = make("span", "ez-job-bar");
    const filled = make("i");
    bar.append(filled);
    text.append(title, small, bar);
    const tools = make("span", "ez-models-tools");
    item.append(text, tools);
    return { item, tools, tell: (said, part) => {
      small.textContent = said;
      bar.hidden = part <= 0 || part >= 1;
      filled.style.width = `${Math.round(part * 1000) / 10}%`;
    } };
  }

  function left(seconds) {
    return t("{time} left", { time: seconds >= 90 ? `${Math.round(seconds / 60)} min` : `${Math.ceil(seconds)} s` });
  }

  function inWords({ state, have, size: whole, speed, message, kind }) {
    const far = whole > 0 ? t("{have} of {size}", { have: size(have), size: size(whole) }) : size(have);
    if (state === "waiting") return t("waits");
    if (state === "checking") return t("checking its sum");
    if (state === "paused") {
      return [have ? t("paused at {place}", { place: far }) : t("paused"), message].filter(Boolean).join(": ");
    }
    if (state === "failed") return message;
    if (state === "done") return [t(kind ?? ""), size(have), message].filter(Boolean).join(", ");
    const pace = speed > 0 ? `${size(speed)}/s` : "";
    const time = speed > 0 && whole > 0 ? left((whole - have) / speed) : "";
    return [far, pace, time].filter(Boolean).join(", ");
  }

  /** The file up to its first tensor; a text where it is no weights file. */
  async function headOf(file) {
    if (!/\.safetensors$/i.test(file.name)) return new Blob();
    const first = new DataView(await file.slice(0, 8).arrayBuffer());
    const length = first.byteLength === 8 ? Number(first.getBigUint64(0, true)) : 0;
    if (length < 2 || length > 1e8 || 8 + length > file.size)
      throw new Error(t("{name} is no safetensors file, or it is cut off", { name: file.name }));
    return file.slice(0, 8 + length);
  }

  /** The same piece may be sent twice: the server knows it. */
  async function piece(file, sent, most, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask(`${API}/${sent.id}?offset=${sent.offset}`,
          { method: "PUT", body: file.slice(sent.offset, sent.offset + most), signal });
      } catch (error) {
        if (error.status || signal.aborted || tries === TRIES) throw error;
        await new Promise((go) => setTimeout(go, WAIT));
      }
    }
  }

  async function carry(file, line, most, signal) {
    const asked = new URLSearchParams({ name: file.name, size: file.size, pickles: PICKLES.test(file.name) });
    line.tell(t("looking what it is"), 0);
    let sent = await ask(`${API}?${asked}`, { method: "POST", body: await headOf(file), signal });
    const stop = () => { ask(`${API}/${sent.id}`, { method: "DELETE" }).catch(() => {}); };
    signal.addEventListener("abort", stop);
    const began = performance.now();
    const first = sent.offset;
    while (!sent.arrived) {
      const past = (performance.now() - began) / 1000;
      const speed = past > 1 ? (sent.offset - first) / past : 0;
      line.tell(inWords({ state: "running", have: sent.offset, size: file.size, speed }), sent.offset / file.size);
      sent = await piece(file, sent, most, signal);
    }
    signal.removeEventListener("abort", stop);
    return sent.arrived;
  }

  function close(line, label, action) {
    const made = make("button", "ez-drawer-tool", { type: "button", title: label, "aria-label": label });
    made.append(svg(CLOSE));
    made.addEventListener("click", action);
    line.tools.replaceChildren(made);
  }

  function use(line, name) {
    const made = make("button", "ez-models-button", { type: "button" });
    made.textContent = t("Use it");
    made.addEventListener("click", () => EaselNetworks.choose(name));
    line.tools.prepend(made);
  }

  async function run(file, line, most, came) {
    const stopper = new AbortController();
    close(line, "Cancel", () => stopper.abort());
    underWay += 1;
    line.item.dataset.state = "running";
    try {
      const arrived = await carry(file, line, most, stopper.signal);
      line.item.dataset.state = "done";
      const kind = t(arrived.word);
      line.tell(arrived.is_new ? `${kind}, ${size(file.size)}` : t("{kind}, it was there already", { kind }), 1);
      close(line, "Clear", () => line.item.remove());
      if (arrived.kind === "checkpoint") use(line, arrived.name);
      came();
    } catch (error) {
      if (stopper.signal.aborted) {
        line.item.remove();
        return;
      }
      line.item.dataset.state = "failed";
      line.tell(error.message, 0);
      close(line, "Clear", () => line.item.remove());
    } finally {
      underWay -= 1;
    }
  }

  /** Add a row to `list` and send the file; `came()` is called when it lies in its folder. */
  function send(file, list, most, came) {
    const line = row(file.name);
    list.append(line.item);
    close(line, "Leave it", () => line.item.remove());
    if (!PICKLES.test(file.name)) {
      run(file, line, most(), came);
      return;
    }
    line.tell(t("Files of this kind from strangers have carried programs. Easel runs none of it, other programs may."), 0);
    const trust = make("button", "ez-models-button", { type: "button" });
    trust.textContent = t("Send it anyway");
    trust.addEventListener("click", () => run(file, line, most(), came));
    line.tools.prepend(trust);
  }

  window.addEventListener("beforeunload", (event) => { if (underWay) event.preventDefault(); });
  window.EaselModelUpload = { send, row, inWords };
})();
