// What a page does besides being read: light or dark, the menu on a phone, search, and picking in the picture of all models.
// No library and no request: the index of the search is a script beside this one.
(function () {
  "use strict";
  var root = document.documentElement;
  var store = {
    get: function () { try { return localStorage.getItem("theme"); } catch (error) { return null; } },
    set: function (value) { try { localStorage.setItem("theme", value); } catch (error) { /* a disk page may have no storage */ } }
  };
  var prefers = window.matchMedia("(prefers-color-scheme: dark)");
  function show() { root.dataset.theme = store.get() || (prefers.matches ? "dark" : "light"); }
  show();
  prefers.addEventListener("change", show);

  document.querySelector(".theme").addEventListener("click", function () {
    store.set(root.dataset.theme === "dark" ? "light" : "dark");
    show();
  });

  var menu = document.querySelector(".menu");
  menu.addEventListener("click", function () {
    menu.setAttribute("aria-expanded", String(document.body.classList.toggle("menu-open")));
  });
  var current = document.querySelector("nav [aria-current]");
  if (current) { document.querySelector("nav").scrollTop = Math.max(0, current.offsetTop - 260); }

  // Search: every word must be somewhere; a title counts most.
  var input = document.querySelector(".search input");
  var results = document.querySelector(".results");
  var chosen = -1;
  function escaped(text) { var box = document.createElement("span"); box.textContent = text; return box.innerHTML; }
  function search() {
    var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    chosen = -1;
    if (!words.length) { results.hidden = true; return; }
    var found = [];
    (window.SITE_INDEX || []).forEach(function (page) {
      var title = page.title.toLowerCase(), lead = page.lead.toLowerCase(), rest = page.words.toLowerCase(), score = 0;
      var all = words.every(function (word) {
        var here = (title === word ? 20 : 0) + (title.indexOf(word) >= 0 ? 8 : 0) + (lead.indexOf(word) >= 0 ? 4 : 0) + (rest.indexOf(word) >= 0 ? 2 : 0);
        score += here;
        return here > 0;
      });
      if (all) { found.push([score, page]); }
    });
    found.sort(function (one, other) { return other[0] - one[0] || one[1].title.localeCompare(other[1].title); });
    results.innerHTML = found.slice(0, 12).map(function (entry) {
      var page = entry[1];
      return "<a href=\"" + root.dataset.root + "/" + encodeURI(page.path) + "\"><b>" + escaped(page.title) + "</b><small>" + escaped(page.lead || page.kind) + "</small></a>";
    }).join("") || "<p>Nothing found.</p>";
    results.hidden = false;
  }
  input.addEventListener("input", search);
  input.addEventListener("keydown", function (event) {
    var links = results.querySelectorAll("a");
    if (event.key === "Escape") { results.hidden = true; input.blur(); }
    if (!links.length) { return; }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : links.length - 1 + (chosen < 0))) % links.length;
      links.forEach(function (link, index) { link.classList.toggle("chosen", index === chosen); });
      links[chosen].scrollIntoView({ block: "nearest" });
    }
    if (event.key === "Enter") { links[Math.max(chosen, 0)].click(); }
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && !/input|textarea/i.test(document.activeElement.tagName)) { event.preventDefault(); input.focus(); }
  });
  document.addEventListener("click", function (event) {
    if (!results.contains(event.target) && event.target !== input) { results.hidden = true; }
  });

  // The picture of all models: everything before and after one box.
  var whole = document.querySelector(".whole .lineage");
  if (!whole) { return; }
  var after = {}, before = {}, kept = null;
  var paths = Array.prototype.slice.call(whole.querySelectorAll("path"));
  var boxes = Array.prototype.slice.call(whole.querySelectorAll("g"));
  paths.forEach(function (path) {
    (after[path.dataset.from] = after[path.dataset.from] || []).push(path.dataset.to);
    (before[path.dataset.to] = before[path.dataset.to] || []).push(path.dataset.from);
  });
  function walk(start, next) {
    var seen = {}, todo = [start];
    while (todo.length) { var here = todo.pop(); if (!seen[here]) { seen[here] = true; todo = todo.concat(next[here] || []); } }
    return seen;
  }
  function pick(number) {
    whole.classList.toggle("picking", number !== null);
    var up = number === null ? {} : walk(number, before), down = number === null ? {} : walk(number, after);
    boxes.forEach(function (box) {
      box.classList.toggle("near", Boolean(up[box.dataset.node] || down[box.dataset.node]));
      box.classList.toggle("picked", box.dataset.node === number);
    });
    paths.forEach(function (path) {
      path.classList.toggle("near", Boolean((up[path.dataset.from] && up[path.dataset.to]) || (down[path.dataset.from] && down[path.dataset.to])));
    });
  }
  boxes.forEach(function (box) {
    box.addEventListener("mouseenter", function () { if (kept === null) { pick(box.dataset.node); } });
    box.addEventListener("mouseleave", function () { if (kept === null) { pick(null); } });
    box.addEventListener("click", function (event) {
      // The first click keeps the box, the second one follows its link.
      if (kept === box.dataset.node) { return; }
      event.preventDefault();
      event.stopPropagation();
      kept = box.dataset.node;
      pick(kept);
    });
  });
  whole.addEventListener("click", function (event) { if (!event.target.closest("g")) { kept = null; pick(null); } });
  var frame = document.querySelector(".whole");
  function name(box) { return box.querySelector("text").textContent.toLowerCase(); }
  document.querySelector(".find input").addEventListener("input", function (event) {
    var wanted = event.target.value.trim().toLowerCase();
    var box = wanted && (boxes.find(function (one) { return name(one) === wanted; }) || boxes.find(function (one) { return name(one).indexOf(wanted) >= 0; }));
    kept = box ? box.dataset.node : null;
    pick(kept);
    if (box) {
      // Only the picture moves, not the page.
      var here = box.getBoundingClientRect(), seen = frame.getBoundingClientRect();
      frame.scrollLeft += here.left + here.width / 2 - seen.left - seen.width / 2;
      frame.scrollTop += here.top + here.height / 2 - seen.top - seen.height / 2;
    }
  });
})();
