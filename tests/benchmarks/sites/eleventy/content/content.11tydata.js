export default { layout: "post.11ty.js", permalink: (data) => `/${data.page.fileSlug}/index.html` };
