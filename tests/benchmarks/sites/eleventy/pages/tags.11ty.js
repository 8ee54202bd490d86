import { escape, frame, item, slug } from "../_includes/frame.js";

export const data = {
  pagination: { data: "collections.topics", size: 1, alias: "topic" },
  permalink: (data) => `/tags/${slug(data.topic.name)}/index.html`,
};

export function render(data) {
  const list = data.topic.posts.map(item).join("\n");
  return frame(data.topic.name, data.page.url, `<h1>${escape(data.topic.name)}</h1>\n<ul>${list}</ul>`);
}
