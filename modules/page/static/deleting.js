/* Deleting a picture: asks once, and offers to put it back. The same for results and history.
 *
 * Knows the routes of deleted pictures; its caller knows the picture's own.
 */
(() => {
  "use strict";
  const { ask, make, address } = EaselDom;
  const options = { days: 30 };

  const question = (name) => options.days
    ? t("Delete {name}? It can be put back for {n} days.", { name, n: options.days })
    : t("Delete {name}? There is no way back.", { name });

  /** Whoever shows the picture hears of it, too. */
  async function told(after) {
    document.dispatchEvent(new CustomEvent("easel-deleted"));
    await after?.();
  }

  /** Delete the picture at `path`, where the person agrees. after(): it is gone, or back again. */
  async function remove({ name, path, after }) {
    if (!confirm(question(name))) return false;
    let gone;
    try {
      gone = await ask(path, { method: "DELETE" });
    } catch (error) {
      EaselNotices.show(t("{name} was not deleted: {why}", { name, why: error.message }));
      return false;
    }
    await told(after);
    if (gone.id) {
      EaselNotices.show(t("{name} is deleted.", { name }),
        { label: t("Put back"), run: () => putBack(gone.id, name, after) });
    }
    return true;
  }

  async function putBack(id, name, after) {
    try {
      await ask(`easel/v1/deleted/${id}/restore`, { method: "POST" });
      await told(after);
    } catch (error) {
      EaselNotices.show(t("{name} was not put back: {why}", { name, why: error.message }));
    }
  }

  /** All that can be put back, in a dialog. */
  async function open(after) {
    const box = make("dialog", "ez-sheet ez-deleted", { "aria-labelledby": "ez_deleted_title" });
    const head = make("header");
    const title = make("h2", "", { id: "ez_deleted_title" });
    title.textContent = t("Deleted pictures");
    const close = make("button", "ez-sheet-close", { type: "button", "aria-label": t("Close") });
    close.textContent = "×";
    close.addEventListener("click", () => box.close());
    head.append(title, close);
    const words = make("p");
    const list = make("div", "ez-deleted-list");
    box.append(head, words, list);
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    box.addEventListener("close", () => box.remove());
    const draw = async () => {
      try {
        const { pictures, days } = await ask("easel/v1/deleted");
        words.textContent = pictures.length
          ? t("A deleted picture is kept for {n} days.", { n: days }) : t("Nothing is deleted.");
        list.replaceChildren(...pictures.map((picture) => card(picture, async () => {
          await draw();
          await after?.();
        })));
      } catch (error) {
        words.textContent = error.message;
      }
    };
    await draw();
    document.body.append(box);
    box.showModal();
  }

  function card({ id, name, deleted }, after) {
    const made = make("figure");
    const image = make("img", "", { alt: name, loading: "lazy", src: address(`easel/v1/deleted/${id}/image`) });
    const words = make("figcaption");
    words.textContent = name;
    words.title = new Date(deleted * 1000).toLocaleString();
    const back = make("button", "ez-action", { type: "button" });
    back.textContent = t("Put back");
    back.addEventListener("click", () => putBack(id, name, after));
    made.append(image, words, back);
    return made;
  }

  window.EaselDeleting = {
    remove, putBack, open,
    configure: (state) => { options.days = state.keep_deleted_days ?? options.days; },
  };
})();
