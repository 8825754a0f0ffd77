// What every page gets: buttons that copy, and tabs where there are several releases.

function copyText(text, button) {
  const said = button.textContent;
  const tell = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = said; }, 1500);
  };
  const selected = () => {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "offscreen";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    button.focus();
    tell(done ? "Copied" : "Not copied");
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => tell("Copied"), selected);
  else selected();
}

function startCopying() {
  for (const listing of document.querySelectorAll(".listing")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${listing.querySelector(".file").textContent}`);
    button.addEventListener("click", () => copyText(listing.querySelector("pre").textContent, button));
    listing.querySelector(".file").after(button);
  }
}

// Without a script the panels stand folded one below the other.
function startTabs() {
  for (const [group, tabs] of document.querySelectorAll(".tabs").entries()) {
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", tabs.dataset.label);
    const panels = [...tabs.children].map((folded, index) => {
      const panel = folded.querySelector(".panel");
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `tab-${group}-${index}`;
      tab.textContent = folded.querySelector("summary").textContent;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", `panel-${group}-${index}`);
      tab.addEventListener("click", () => choose(index));
      panel.id = `panel-${group}-${index}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
      return panel;
    });
    const choose = (chosen) => panels.forEach((panel, index) => {
      panel.hidden = index !== chosen;
      list.children[index].setAttribute("aria-selected", String(index === chosen));
      list.children[index].tabIndex = index === chosen ? 0 : -1;
    });
    list.addEventListener("keydown", (event) => {
      const now = [...list.children].indexOf(document.activeElement);
      const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: panels.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = (to + panels.length) % panels.length;
      choose(next);
      list.children[next].focus();
    });
    tabs.replaceChildren(list, ...panels);
    choose(0);
  }
}
