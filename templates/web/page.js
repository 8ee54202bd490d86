// Copies addresses and hands pages on. Buttons for what a browser cannot do stay hidden.
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
})();
