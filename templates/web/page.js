// Copies addresses, hands pages on, and lists related articles. Buttons for what a browser cannot do stay hidden.
(() => {
  const status = document.body.appendChild(Object.assign(document.createElement("p"), { className: "unseen" }));
  status.setAttribute("role", "status");
  const offer = (button, act) => {
    const text = button.textContent;
    button.hidden = false;
    button.addEventListener("click", () => act(button.dataset).then((done) => {
      if (!done) return;
      status.textContent = button.textContent = done;
      setTimeout(() => { button.textContent = text; status.textContent = ""; }, 3000);
    }, () => {}));
  };
  for (const button of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
    offer(button, ({ copy, done }) => navigator.clipboard.writeText(copy).then(() => done));
  }
  for (const button of navigator.share ? document.querySelectorAll("[data-share]") : []) {
    offer(button, ({ share, title }) => navigator.share({ title, url: share }));
  }
  // The newest articles of each of this one's tags: those that share more of them come first, and a tag that few
  // articles have counts for more.
  const related = document.querySelector("[data-related]");
  const fill = async () => {
    const lists = await Promise.all(related.dataset.lists.trim().split(" ")
      .map((url) => fetch(url).then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({}))));
    const seen = new Set([...document.querySelectorAll(".series a")].map((link) => link.getAttribute("href")));
    const found = new Map();
    for (const { articles = [] } of lists) {
      for (const [url, title, day, lang] of articles) {
        if (url === related.dataset.related || seen.has(url)) continue;
        const known = found.get(url) || { url, title, day, lang, score: 0 };
        found.set(url, Object.assign(known, { score: known.score + 1 / Math.log2(1 + articles.length) }));
      }
    }
    const language = document.documentElement.lang || "en";
    const days = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" });
    const order = (a, b) => b.score - a.score || (a.day < b.day ? 1 : a.day > b.day ? -1 : a.url < b.url ? -1 : 1);
    const list = related.appendChild(document.createElement("ul"));
    list.append(...[...found.values()].sort(order).slice(0, 4).map(({ url, title, day, lang }) => {
      const link = Object.assign(document.createElement("a"), { href: url, textContent: title, lang });
      const time = Object.assign(document.createElement("time"), { dateTime: day, textContent: days.format(new Date(day)) });
      const item = document.createElement("li");
      item.append(link, " ", time);
      return item;
    }));
    related.hidden = !found.size;
  };
  if (related) {
    const watch = new IntersectionObserver((seen) => {
      if (seen.some((one) => one.isIntersecting)) {
        watch.disconnect();
        fill();
      }
    }, { rootMargin: "1000px" });
    watch.observe(related.parentElement);
  }
})();
