// Every action of the viewer by the keyboard, as long as nothing is typed.

const TYPED = "input:not([type=checkbox]):not([type=range]), textarea, select, dialog[open] *";

/** Listen for keys; `acts` has what they do. */
export function listen(acts) {
  const { player, timeline } = acts;
  const keys = {
    " ": () => player.toggle(),
    k: () => player.toggle(),
    ",": () => player.step(-1),
    ArrowLeft: () => player.step(-1),
    ".": () => player.step(1),
    ArrowRight: () => player.step(1),
    "<": () => player.step(-10),
    ">": () => player.step(10),
    ArrowDown: () => acts.neighbour(1),
    ArrowUp: () => acts.neighbour(-1),
    s: acts.slow,
    m: acts.magnify,
    a: () => acts.decide("accepted"),
    r: () => acts.decide("rejected"),
    u: () => acts.decide("open"),
    i: () => acts.here("onset"),
    p: () => acts.here("apex"),
    o: () => acts.here("offset"),
    n: acts.add,
    Delete: acts.drop,
    z: acts.undo,
    "+": () => timeline.zoomBy(0.5),
    "-": () => timeline.zoomBy(2),
    0: () => timeline.showAll(),
    "?": acts.help,
  };
  addEventListener("keydown", (event) => {
    const act = keys[event.key];
    const target = event.target instanceof Element ? event.target : document.body;
    const pressed = event.key === " " && target.closest("button, summary, a, input");
    if (!act || event.ctrlKey || event.metaKey || event.altKey || pressed || target.closest(TYPED)) return;
    if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    act();
  });
}
