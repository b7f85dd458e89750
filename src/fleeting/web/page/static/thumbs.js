// Small pictures of a list, fetched only while their entry is in view and a few at a time: all else goes first.

const AT_ONCE = 2; // a browser has six connections to a server, and the video needs one of them
const STAYS = 120; // milliseconds in view before a picture is asked for: a list that is scrolled past asks for none

export class Thumbs {
  constructor() {
    this.pictures = new Map(); // of each entry, its picture and where that comes from
    this.visible = new Set();
    this.fetching = new Set();
    this.watcher = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        if (isIntersecting) this.visible.add(target);
        else this.visible.delete(target);
      }
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.next(), STAYS);
    });
  }

  /** Have the picture of an entry show what comes from an address, once the entry is in view. */
  show(entry, picture, address) {
    const before = this.pictures.get(entry);
    if (before?.address === address) return;
    if (!before) this.watcher.observe(entry);
    this.pictures.set(entry, { picture, address, asked: false });
    if (this.visible.has(entry)) this.next();
  }

  next() {
    for (const entry of this.visible) {
      if (this.fetching.size >= AT_ONCE) return;
      const wanted = this.pictures.get(entry);
      if (!wanted.asked && entry.isConnected) this.fetch(wanted);
    }
  }

  fetch(wanted) {
    const { picture, address } = wanted;
    wanted.asked = true;
    this.fetching.add(picture);
    const ended = () => {
      this.fetching.delete(picture);
      this.next();
    };
    picture.onload = ended;
    picture.onerror = () => {
      picture.removeAttribute("src");
      ended();
    };
    picture.src = address;
  }
}
