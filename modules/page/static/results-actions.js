/* The buttons under the selected picture: one table, a row each.
 *
 * A row is {id, label, title, icon, when(at), run(at)}; `at` is {tab, job, item, panel}: the job's
 * record, the selected picture's, and the panel that shows them. Rows without `when` are always
 * there. Knows no polling; others add rows to EaselActions.rows.
 */
(() => {
  "use strict";
  const { make, svg, address } = EaselDom;

  const icons = {
    save: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
    image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
    brush: "M4 20c3 0 5-1 5-4l9-11 2 2-11 9",
    mask: "M4 5h16v14H4zM9 12a3 3 0 1 0 6 0 3 3 0 1 0-6 0",
    seed: "M4 12a8 8 0 1 1 3 6M4 12V7m0 5h5",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    read: "M4 6h16M4 12h10M4 18h7m6-5v7m0 0 3-3m-3 3-3-3",
  };

  const send = (to) => ({ panel, job, item }) =>
    panel.trigger("send", { job: job.id, index: item.index, to });

  function save({ item }) {
    make("a", "", { href: address(`${item.url}?download=true`), download: "" }).click();
  }

  async function copy({ panel, item }) {
    try {
      await navigator.clipboard.writeText(item.infotext);
      panel.say("Copied");
    } catch {
      panel.say("The browser does not allow copying here; select the text instead", true);
    }
  }

  const rows = [
    { id: "save", label: "Save", title: "Download the picture with its parameters", icon: icons.save,
      run: save },
    { id: "send_to_img2img", label: "img2img", title: "Send picture and parameters to img2img",
      icon: icons.image, run: send("img2img") },
    { id: "send_to_sketch", label: "Sketch", title: "Paint over the picture on the colour canvas",
      icon: icons.brush, run: send("sketch") },
    { id: "send_to_inpaint", label: "Inpaint", title: "Paint a part of the picture anew",
      icon: icons.mask, run: send("inpaint") },
    { id: "send_to_txt2img", label: "txt2img", title: "Send the parameters to txt2img",
      icon: icons.read, when: ({ tab }) => tab === "img2img", run: send("txt2img") },
    { id: "reuse_seed_of_picture", label: "Reuse seed",
      title: "Put this picture's seed into the form", icon: icons.seed, run: send("seed") },
    { id: "copy_infotext", label: "Copy text", title: "Copy the parameters", icon: icons.copy,
      run: copy },
  ];

  /** The row of buttons of one tab. current(): `at`, or null while no picture is shown. */
  class Bar {
    constructor(tab, current) {
      this.tab = tab;
      this.current = current;
      this.root = make("div", "ez-actions");
      this.buttons = new Map();
    }

    /** What fits the selected picture. */
    draw() {
      const at = this.current();
      if (!at) return;
      for (const row of rows) {
        if (!this.buttons.has(row.id)) this.add(row);
        this.buttons.get(row.id).hidden = Boolean(row.when && !row.when(at));
      }
    }

    add({ id, label, title, icon, run }) {
      const button = make("button", "ez-action", { type: "button", id: `${this.tab}_${id}`, title });
      const words = make("span");
      words.textContent = label;
      button.append(svg(icon), words);
      button.addEventListener("click", () => {
        const at = this.current();
        if (at) run(at);
      });
      this.buttons.set(id, button);
      this.root.append(button);
    }
  }

  window.EaselActions = { rows, Bar, save };
})();
