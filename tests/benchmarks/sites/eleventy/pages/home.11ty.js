import { frame, item } from "../_includes/frame.js";

export const data = { permalink: "/index.html" };

export function render(data) {
  const posts = data.collections.posts.slice(-10).reverse();
  return frame("The Benchmark", "/", `<ul>${posts.map(item).join("\n")}</ul>`);
}
