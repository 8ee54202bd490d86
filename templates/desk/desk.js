// The desk's script. Every page works without it; with it, pages follow what happens.
"use strict";
const root = document.body.dataset.root || "";
document.documentElement.classList.add("script-on");
for (const part of document.querySelectorAll(".script")) part.hidden = false;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  const answer = await fetch(root + path, { ...options, headers });
  const body = await answer.json().catch(() => ({ wrong: `the desk answered ${answer.status}` }));
  if (!answer.ok) throw Object.assign(new Error(body.wrong || "that did not work"), { status: answer.status });
  return body;
}
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// --- Moments: in the reader's own words, and counting down
function countDown() {
  for (const span of document.querySelectorAll(".countdown")) {
    const left = Math.round((new Date(span.dataset.due) - Date.now()) / 1000);
    const pad = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(left / 3600);
    const clock = `${hours ? `${hours}:` : ""}${hours ? pad(Math.floor(left / 60) % 60) : Math.floor(left / 60)}:${pad(left % 60)}`;
    span.textContent = left > 0 ? `goes out in ${clock}` : "goes out now";
    if (left < -4 && left > -60 && !span.dataset.again) {
      span.dataset.again = "1";
      setTimeout(() => location.reload(), 2000);
    }
  }
}
if (document.querySelector(".countdown")) { countDown(); setInterval(countDown, 1000); }

// --- Sending
for (const line of document.querySelectorAll("[data-progress]")) {
  (async () => {
    const path = line.dataset.progress.slice(root.length);
    for (;;) {
      await wait(1500);
      const now = await ask(path).catch(() => null);
      if (!now) continue;
      if (now.state !== line.dataset.state) { location.reload(); return; }
      const bar = line.querySelector("progress");
      bar.max = now.whole || 1;
      bar.value = now.done;
      line.querySelector("span").textContent = `${now.done.toLocaleString("en")} of ${now.whole.toLocaleString("en")}${now.planned ? "" : " so far"}`;
    }
  })();
}

// --- Definitions: by pointer, focus and touch
for (const define of document.querySelectorAll(".define")) {
  define.addEventListener("mouseenter", () => { define.open = true; });
  define.addEventListener("mouseleave", () => { define.open = false; });
  define.querySelector("summary").addEventListener("focus", (event) => { if (event.target.matches(":focus-visible")) define.open = true; });
  define.addEventListener("focusout", () => { define.open = false; });
  define.addEventListener("keydown", (event) => { if (event.key === "Escape") define.open = false; });
}
if (location.hash === "#send") document.getElementById("send")?.setAttribute("open", "");

// --- Following files until something has become of them
const following = new Set();
async function follow() {
  for (let round = 0; following.size; round += 1) {
    await wait(round < 20 ? 400 : 2000);
    const keys = [...following].slice(0, 100);
    const now = await ask(`articles/states?${keys.map((key) => `key=${encodeURIComponent(key)}`).join("&")}`).catch(() => null);
    for (const key of now ? keys : []) {
      const found = now[key];
      if (!found) { if (round > 5) following.delete(key); continue; }
      for (const row of document.querySelectorAll(".piece")) {
        if (row.dataset.key !== key || row.dataset.standing === found.standing) continue;
        row.outerHTML = found.row; // made by the desk, every value escaped
      }
      if (found.settled) following.delete(key);
    }
  }
}
function startFollowing(keys) {
  const idle = following.size === 0;
  for (const key of keys) following.add(key);
  if (idle && following.size) follow();
}
startFollowing([...document.querySelectorAll('.piece[data-standing="uploaded"]')].map((row) => row.dataset.key));

// --- Uploads
const drop = document.getElementById("upload");
if (drop) {
  const list = document.getElementById("uploads");
  const show = (key, standing, text) => {
    let row = [...list.children].find((one) => one.dataset.key === key);
    if (!row) { row = element("li", "piece"); list.prepend(row); }
    row.dataset.key = key;
    row.dataset.standing = standing;
    row.replaceChildren(element("span", `state ${standing}`, standing === "there" ? "not replaced" : standing), element("div", "piece-text"), element("span"));
    row.children[1].append(element("span", "piece-title", key), element("p", "meta", text));
    return row;
  };
  const send = async (file, key, replace) => {
    const query = `key=${encodeURIComponent(key)}${replace ? `&replace=${encodeURIComponent(replace)}` : ""}`;
    if (file.size > Number(drop.dataset.limit)) { show(key, "refused", `${file.size.toLocaleString("en")} bytes are more than the desk takes`); return; }
    show(key, "uploaded", "on its way");
    try {
      const done = await ask(`articles/upload?${query}`, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
      if (done.state === "there") {
        const row = show(done.key, "there", "There is a file of this name, and it is another one.");
        const button = element("button", "quiet", "Replace it");
        button.type = "button";
        button.addEventListener("click", () => send(file, key, done.etag));
        row.children[2].append(button);
        return;
      }
      show(done.key, "uploaded", done.state === "unchanged" ? "was there already" : "uploaded");
      startFollowing([done.key]);
    } catch (error) { show(key, "refused", error.message); }
  };
  const sendAll = async (pairs) => {
    const folder = drop.elements.folder.value.trim().replace(/^\/+|\/+$/g, "");
    const wanted = pairs.filter(([, path]) => !path.split("/").some((part) => part.startsWith(".")));
    wanted.sort(([, a], [, b]) => /\.(md|markdown|html?|txt)$/i.test(a) - /\.(md|markdown|html?|txt)$/i.test(b)); // pictures first
    for (const [file, path] of wanted) await send(file, folder ? `${folder}/${path}` : path);
  };
  const walk = async (entry, into) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      into.push([file, entry.fullPath.replace(/^\//, "")]);
    } else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) return;
        for (const one of some) await walk(one, into);
      }
    }
  };
  const over = (event) => { event.preventDefault(); drop.classList.add("over"); };
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const plain = [...event.dataTransfer.files].map((file) => [file, file.name]);
    const found = [];
    for (const entry of entries) await walk(entry, found);
    sendAll(found.length ? found : plain);
  });
  drop.elements.files.addEventListener("change", (event) => {
    sendAll([...event.target.files].map((file) => [file, file.name]));
    event.target.value = "";
  });
  document.getElementById("pick-folder").addEventListener("change", (event) => {
    sendAll([...event.target.files].map((file) => [file, file.webkitRelativePath || file.name]));
    event.target.value = "";
  });
  drop.addEventListener("submit", (event) => event.preventDefault());
}

// --- Writing
const editor = document.getElementById("editor");
if (editor) {
  const text = document.getElementById("text");
  const gutter = document.getElementById("gutter");
  const findings = document.getElementById("findings");
  const facts = document.getElementById("facts");
  const looks = document.querySelector(".looks");
  let problems = [...findings.querySelectorAll("li")].map((item) => {
    const [line, said, todo] = item.childNodes;
    return { line: Number(line.dataset.line), severity: item.className, what: said.textContent.trim().replace(/;$/, ""), todo: todo.textContent };
  });
  const mirror = element("div", "mirror");
  const notes = element("div", "notes"); // what is wrong, behind the line's end where there is room; the list below has all of it
  notes.setAttribute("aria-hidden", "true");
  gutter.parentElement.append(mirror, notes);

  const draw = () => {
    const style = getComputedStyle(text);
    mirror.style.font = style.font;
    mirror.style.lineHeight = style.lineHeight;
    mirror.style.letterSpacing = style.letterSpacing;
    mirror.style.tabSize = style.tabSize;
    mirror.style.width = `${text.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)}px`;
    const lines = text.value.split("\n").slice(0, 3000);
    mirror.replaceChildren(...lines.map((line) => { const row = element("div"); row.append(element("span", "", line || "\u200b")); return row; }));
    const worst = new Map();
    for (const one of problems) if (one.line && worst.get(one.line)?.severity !== "error") worst.set(one.line, one);
    const beside = [];
    for (const [line, { severity, what, todo }] of worst) {
      const row = mirror.children[line - 1];
      const ends = row && [...row.firstChild.getClientRects()].pop();
      const room = ends ? row.getBoundingClientRect().right - ends.right - 16 : 0;
      if (room < 90) continue;
      const note = element("span", severity, `${what}; ${todo}`);
      note.style.top = `${ends.top - row.getBoundingClientRect().top + row.offsetTop + parseFloat(style.paddingTop) - text.scrollTop}px`;
      note.style.left = `${ends.right - row.getBoundingClientRect().left + parseFloat(style.paddingLeft) + 16}px`;
      note.style.maxWidth = `${room}px`;
      beside.push(note);
    }
    notes.replaceChildren(...beside);
    gutter.replaceChildren(...[...mirror.children].map((line, index) => {
      const mark = element("span", worst.get(index + 1)?.severity || "", String(index + 1));
      mark.style.top = `${line.offsetTop + parseFloat(style.paddingTop) - text.scrollTop}px`;
      return mark;
    }));
    mirror.replaceChildren();
  };
  const goTo = (line) => {
    const before = text.value.split("\n").slice(0, Math.max(0, line - 1)).join("\n").length + (line > 1 ? 1 : 0);
    const end = text.value.indexOf("\n", before);
    text.focus();
    text.setSelectionRange(before, end < 0 ? text.value.length : end);
  };
  findings.addEventListener("click", (event) => { if (event.target.dataset.line) goTo(Number(event.target.dataset.line)); });

  let asked = 0;
  let dirty = false;
  const look = async () => {
    const mine = (asked += 1);
    const form = new URLSearchParams({ key: editor.elements.key.value, text: text.value });
    let now;
    try { now = await ask("write/preview", { method: "POST", body: form }); } catch (error) { facts.textContent = error.message; return; }
    if (mine !== asked) return;
    problems = now.problems;
    const items = problems.map((one) => {
      const item = element("li", one.severity);
      const line = element("button", "line", `line ${one.line}`);
      line.type = "button";
      line.dataset.line = one.line;
      item.append(line, ` ${one.what}; `, element("strong", "", one.todo));
      return item;
    });
    const list = element("ul", "problems");
    list.append(...items);
    findings.replaceChildren(...(items.length ? [list] : []));
    facts.textContent = now.preview ? `${now.words.toLocaleString("en")} words, at /${now.path}${now.subject ? `, mailed as “${now.subject}”` : ""}` : "It cannot be published like this.";
    draw();
    if (!now.preview) return;
    for (const frame of looks.querySelectorAll("iframe")) frame.src = `${root}preview/${now.preview}/${frame.closest("figure").dataset.look}`;
  };
  let timer = 0;
  const changed = () => { dirty = true; draw(); clearTimeout(timer); timer = setTimeout(look, 350); };
  text.addEventListener("input", changed);
  text.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(text);
  if (!looks.dataset.preview && text.value.trim()) look();
  editor.elements.key.addEventListener("change", changed);
  editor.addEventListener("submit", () => { dirty = false; });
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });

  for (const tab of looks.querySelectorAll(".tabs [data-look]")) {
    tab.addEventListener("click", () => {
      const on = tab.getAttribute("aria-pressed") !== "true";
      tab.setAttribute("aria-pressed", String(on));
      looks.querySelector(`figure[data-look="${tab.dataset.look}"]`).hidden = !on;
    });
  }

  const lookOnceSettled = async (key) => { // until then the text names a file that nobody has looked at
    for (let round = 0; round < 50; round += 1) {
      await wait(400);
      const now = await ask(`articles/states?key=${encodeURIComponent(key)}`).catch(() => null);
      if (!now?.[key] || now[key].settled) break;
    }
    look();
  };
  const picture = async (file) => {
    const key = editor.elements.key.value;
    const folder = key.includes("/") ? key.slice(0, key.lastIndexOf("/") + 1) : "";
    const plain = file.name && file.name !== "image.png" ? file.name : `picture-${new Date().toISOString().slice(0, 10)}.${(file.type.split("/")[1] || "png").replace("jpeg", "jpg").replace("svg+xml", "svg")}`;
    const name = plain.normalize("NFC").replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "") || "picture";
    facts.textContent = `${name} is on its way`;
    try {
      const done = await ask(`articles/upload?unique=1&key=${encodeURIComponent(folder + name)}`, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
      const start = text.selectionStart;
      text.setRangeText(`![](${encodeURI(done.name)})`, start, text.selectionEnd, "end");
      text.setSelectionRange(start + 2, start + 2);
      text.focus();
      changed();
      lookOnceSettled(done.key);
    } catch (error) { facts.textContent = error.message; }
  };
  const pictures = (files) => [...files].filter((file) => /^(image|audio|video)\//.test(file.type));
  text.addEventListener("paste", async (event) => {
    const found = pictures(event.clipboardData.files);
    if (!found.length) return;
    event.preventDefault();
    for (const file of found) await picture(file);
  });
  text.addEventListener("dragover", (event) => { if ([...event.dataTransfer.types].includes("Files")) event.preventDefault(); });
  text.addEventListener("drop", async (event) => {
    const found = pictures(event.dataTransfer.files);
    if (!found.length) return;
    event.preventDefault();
    for (const file of found) await picture(file);
  });
  draw();
}
