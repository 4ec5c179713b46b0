/* The directory view of the drawer of extra networks: a button for each folder, in rows or as a
 * tree. Knows names with "/" between their parts, no card and no route.
 */
(() => {
  "use strict";
  const { make } = EaselDom;

  /** Every folder with the folders that it lies in, so that a tree has no gaps. */
  function withParents(names) {
    const all = new Set();
    for (const name of names) {
      const parts = name.split("/");
      parts.forEach((_, at) => all.add(parts.slice(0, at + 1).join("/")));
    }
    return [...all].sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
  }

  class Folders {
    /** style: "Dirs" or "Tree". width: of a tree, in px. chosen(): another folder is. */
    constructor({ style, width, chosen }) {
      this.isTree = style === "Tree";
      this.chosen = chosen;
      this.value = "";
      this.root = make("div", `ez-folders ${this.isTree ? "ez-folders-tree" : ""}`,
        { role: "group", "aria-label": "Folders" });
      if (this.isTree) this.root.style.setProperty("--tree", `${width}px`);
      this.root.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button) this.choose(button.dataset.folder);
      });
    }

    /** slash: each name begins with one. A folder that is gone is chosen no more. */
    show(names, slash) {
      const listed = this.isTree ? withParents(names) : names;
      if (!listed.includes(this.value)) this.value = "";
      const buttons = ["", ...listed].map((name) => this.button(name, slash));
      const told = JSON.stringify([listed, slash]);
      if (told !== this.told) this.root.replaceChildren(...buttons); // else the focus would go
      this.told = told;
      this.root.toggleAttribute("data-empty", !names.length);
      this.mark();
    }

    button(name, slash) {
      const button = make("button", "", { type: "button", "data-folder": name, title: name });
      const parts = name.split("/");
      const shown = this.isTree ? parts.at(-1) : name;
      button.textContent = name ? `${slash ? "/" : ""}${shown}` : t("All folders");
      button.style.setProperty("--depth", this.isTree && name ? parts.length : 0);
      return button;
    }

    choose(name) {
      this.value = name === this.value ? "" : name; // a second click lets go of it
      this.mark();
      this.chosen();
    }

    clear() {
      this.value = "";
      this.mark();
    }

    mark() {
      for (const button of this.root.children)
        button.setAttribute("aria-pressed", String(button.dataset.folder === this.value));
    }
  }

  window.EaselFolders = Folders;
})();
