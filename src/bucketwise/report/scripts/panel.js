// The panel: what is edited, its history and its link, and everything that follows.

const MOST_SEQUENCES = 256;

const $ = (id) => document.getElementById(`what-if-${id}`);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// What is edited: lengths, the limit, the decoder's sizes, and what it is deployed with.
// Never changed in place.
function cleaned(edited, data) {
  const { align } = data.model;
  const whole = (values, least, most) => [...new Set(values)]
    .filter((value) => Number.isSafeInteger(value) && value >= least && value <= most)
    .sort((one, other) => one - other);
  const lengths = whole(edited.lengths.map((length) => alignUp(length, align)), align, 2 ** 24);
  const limit = data.limits.fixed_because ? data.plan.max_pixels : edited.max_pixels;
  const batch = data.memory?.generates ? whole([edited.batch], 1, MOST_SEQUENCES)[0] ?? data.plan.batch : data.plan.batch;
  const usual = batch === data.plan.batch ? data.plan.decoder : data.usual_graphs[batch - 1] ?? [batch];
  return {
    context: contextOf(edited.context, data),
    batch,
    devices: data.memory?.releases.every((release) => release.on[edited.devices]) ? edited.devices : data.plan.devices,
    lengths: lengths.length ? lengths : data.plan.lengths,
    max_pixels: Number.isSafeInteger(limit) ? Math.max(limit, data.limits.least) : data.plan.max_pixels,
    decoder: data.decoder?.smaller_graphs ? whole([...edited.decoder, batch], 1, batch) : usual,
  };
}

function contextOf(tokens, data) {
  const { memory, plan } = data;
  if (!memory || !Number.isSafeInteger(tokens) || tokens === plan.context) return plan.context;
  const most = memory.context_most ?? 2 ** 24;
  return Math.min(Math.max(alignUp(tokens, memory.context_step), memory.context_least), most);
}

function toLink(edited) {
  const { lengths, max_pixels, decoder, context, batch, devices } = edited;
  return `#what-if=${[lengths, [max_pixels], decoder, [context, batch, devices]].map((each) => each.join(",")).join(";")}`;
}

function fromLink(link, data) {
  const found = /^#what-if=([\d,]+);(\d+);([\d,]*)(?:;(\d+),(\d+),(\d+))?$/.exec(link);
  if (!found) return null;
  const numbers = (text) => text.split(",").filter(Boolean).map(Number);
  const deployed = found[4] ? { context: Number(found[4]), batch: Number(found[5]), devices: Number(found[6]) } : data.plan;
  return cleaned({ ...deployed, lengths: numbers(found[1]), max_pixels: Number(found[2]), decoder: numbers(found[3]) }, data);
}

function same(one, other) {
  return toLink(one) === toLink(other);
}

class Panel {
  constructor(data) {
    this.data = data;
    this.plan = { ...data.plan };
    this.demands = new Map();
    this.past = [];
    this.future = [];
    this.edited = fromLink(location.hash, data) ?? this.plan;
    this.chart = new LengthChart($("chart"), data, {
      edit: (index, length, done) => this.editLength(index, length, done),
      remove: (index) => this.removeLength(index),
    });
    this.planned = this.bill(this.plan);
    this.noun = data.cost.unit === "ms" ? "time" : "compute";
    this.wire();
    $("needs").hidden = true;
    $("panel").hidden = false;
    this.show();
    if (!same(this.edited, this.plan)) $("panel").scrollIntoView();
    addEventListener("hashchange", () => {
      const linked = fromLink(location.hash, data);
      if (linked) this.commit(linked);
    });
  }

  demand(maxPixels) {
    if (!this.demands.has(maxPixels)) {
      if (this.demands.size > 8) this.demands.clear();
      this.demands.set(maxPixels, demandUnder(this.data, maxPixels));
    }
    return this.demands.get(maxPixels);
  }

  bill(edited) {
    const bill = price(edited.lengths, this.demand(edited.max_pixels), this.data);
    const both = bill.overflow_images > 0 ? priceOnBoth(this.plan, edited, (limit) => this.demand(limit), this.data) : null;
    const fit = this.data.memory ? fitted(edited, this.data) : null;
    return { ...bill, both, fit, decoder: this.tellsStep(edited) ? priceDecoder(edited.decoder, this.data.decoder) : null };
  }

  // Whether the load and the costs in the page hold for an edit; a replay is of one batch.
  tellsStep({ batch, devices, max_pixels }) {
    const { decoder, plan } = this.data;
    if (!decoder) return false;
    if (batch !== plan.batch && (decoder.replayed || batch > plan.batch)) return false;
    if (decoder.rests_on_images && max_pixels !== plan.max_pixels) return false;
    return decoder.kind !== "roofline" || devices === plan.devices;
  }

  // One step of the history; a drag is one step, however far it went.
  commit(edited, from = this.edited) {
    const next = cleaned(edited, this.data);
    if (!same(next, from)) {
      this.past.push(from);
      this.future = [];
    }
    this.edited = next;
    this.dragged = null;
    history.replaceState(null, "", same(next, this.plan) ? location.pathname + location.search : toLink(next));
    this.show();
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.edited);
    this.edited = from.pop();
    history.replaceState(null, "", same(this.edited, this.plan) ? location.pathname + location.search : toLink(this.edited));
    this.show();
  }

  editLength(index, length, done) {
    this.dragged ??= this.edited;
    const lengths = this.dragged.lengths.map((old, at) => (at === index ? length : old));
    if (done) {
      this.commit({ ...this.dragged, lengths }, this.dragged);
    } else {
      this.edited = cleaned({ ...this.dragged, lengths }, this.data);
      this.show();
    }
  }

  removeLength(index) {
    if (this.edited.lengths.length < 2) return;
    this.commit({ ...this.edited, lengths: this.edited.lengths.filter((_, at) => at !== index) });
  }

  addLength() {
    const { lengths, max_pixels } = this.edited;
    const best = bestAddition(lengths, this.demand(max_pixels), this.data);
    if (best) this.commit({ ...this.edited, lengths: [...lengths, best.length] });
    else this.say(`No further length saves ${this.noun}: every run fits its length.`);
  }

  fit() {
    const lengths = bestLengths(this.demand(this.edited.max_pixels), Number($("graphs").value), this.data);
    this.commit({ ...this.edited, lengths });
  }

  wire() {
    const on = (id, name, act) => $(id)?.addEventListener(name, act);
    on("undo", "click", () => this.step(this.past, this.future));
    on("redo", "click", () => this.step(this.future, this.past));
    on("reset", "click", () => this.commit(this.plan));
    on("add", "click", () => this.addLength());
    on("fit", "click", () => this.fit());
    on("link", "click", () => copyText(location.href.split("#")[0] + toLink(this.edited), $("link")));
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      // A removed row takes the focus with it to the body.
      if (event.target !== document.body && !$("panel").contains(event.target)) return;
      event.preventDefault();
      if (event.shiftKey) this.step(this.future, this.past);
      else this.step(this.past, this.future);
    });
    const limit = (value) => this.commit({ ...this.edited, max_pixels: Math.round(value) });
    on("limit", "change", () => limit(Number($("limit").value)));
    on("limit-slider", "input", () => this.slideLimit(false));
    on("limit-slider", "change", () => this.slideLimit(true));
    on("limit-named", "change", () => {
      if ($("limit-named").value) limit(Number($("limit-named").value));
    });
    on("tail", "change", () => this.limitTail(this.data.limits.named[Number($("tail").value)]));
    for (const name of ["context", "batch", "devices"]) {
      on(name, "change", () => this.commit({ ...this.edited, [name]: Number($(name).value) }));
    }
    on("size-add", "click", () => this.addSize());
    for (const release of this.data.releases) {
      $("release").append(element("option", { value: release.version }, `${this.data.words.sdk} ${release.version}`));
    }
    on("release", "change", () => this.showFile());
    on("file", "change", () => this.showFile());
    on("copy-options", "click", () => copyText($("options").textContent, $("copy-options")));
    on("copy-file", "click", () => copyText($("text").textContent, $("copy-file")));
    if (this.data.limits.fixed_because) {
      for (const id of ["limit", "limit-slider", "limit-named"]) $(id).disabled = true;
      $("limit-note").textContent = this.data.limits.fixed_because;
    } else {
      $("limit-slider").min = Math.log(this.data.limits.least);
      $("limit-slider").max = Math.log(this.data.limits.most);
      $("limit").min = this.data.limits.least;
      for (const [index, cap] of this.data.limits.named.entries()) {
        if (!cap.tail) $("limit-named").append(element("option", { value: String(cap.max_pixels) }, `${cap.name}: ${grouped(cap.max_pixels)}`));
        else $("tail").append(element("option", { value: String(index) }, `the largest ${percent(cap.tail)}: ${grouped(cap.max_pixels)}`));
      }
    }
    $("tail").parentElement.hidden = $("tail").options.length < 2;
    this.wireDeployment(this.data.memory);
    if (!this.data.decoder?.smaller_graphs) $("decoder").hidden = true;
    if (!this.data.releases.length) $("files").hidden = true;
    for (const id of ["add", "several"]) $(id).hidden = this.data.words.one_length;
    $("merged").hidden = this.data.words.per > 1;
  }

  wireDeployment(memory) {
    $("deployment").hidden = !memory;
    if (!memory) return;
    for (const count of Object.keys(memory.releases[0].on)) $("devices").append(element("option", { value: count }, count));
    $("devices").parentElement.hidden = $("devices").options.length < 2;
    $("batch").parentElement.hidden = !memory.generates;
    Object.assign($("context"), { min: memory.context_least, max: memory.context_most ?? "", step: memory.context_step });
    $("batch").max = MOST_SEQUENCES;
  }

  // Images above the limit are shrunk to it, and as many lengths are moved to what is left.
  limitTail(cap) {
    if (!cap) return;
    const lengths = bestLengths(this.demand(cap.max_pixels), this.edited.lengths.length, this.data, cap.top);
    this.commit({ ...this.edited, lengths, max_pixels: cap.max_pixels });
  }

  slideLimit(done) {
    const { step, least } = this.data.limits;
    this.dragged ??= this.edited;
    const value = Math.max(Math.round(Math.exp(Number($("limit-slider").value)) / step) * step, least);
    if (done) {
      this.commit({ ...this.dragged, max_pixels: value }, this.dragged);
    } else {
      this.edited = cleaned({ ...this.dragged, max_pixels: value }, this.data);
      this.show();
    }
  }

  addSize() {
    const value = Number($("size").value);
    $("size").value = "";
    this.commit({ ...this.edited, decoder: [...this.edited.decoder, value] });
  }

  say(text) {
    $("said").textContent = text;
  }

  show() {
    const bill = this.bill(this.edited);
    this.current = bill;
    this.chart.show(this.edited.lengths, this.demand(this.edited.max_pixels));
    $("undo").disabled = !this.past.length;
    $("redo").disabled = !this.future.length;
    $("reset").disabled = same(this.edited, this.plan);
    const { per, unit } = this.data.words;
    this.showInputs("lengths", this.edited.lengths.map((length) => length / per), (index) => `Length ${index + 1}, ${unit}`, {
      edit: (index, value) => this.editLength(index, value * per, true),
      remove: this.edited.lengths.length > 1 ? (index) => this.removeLength(index) : null,
      step: this.data.model.align / per,
    });
    if (this.data.decoder?.smaller_graphs) this.showSizes();
    this.showLimit();
    for (const name of ["context", "batch", "devices"]) $(name).value = this.edited[name];
    this.showTotals(bill);
    this.showBuckets(bill);
    this.showFile();
    this.showOptions();
    this.say(this.finding(bill));
  }

  // Inputs are kept while their number stays, so that focus does.
  showInputs(id, values, label, { edit, remove, step }) {
    const list = $(id);
    if (list.children.length !== values.length) {
      list.replaceChildren(...values.map((_, index) => {
        const input = element("input", { type: "number", min: String(step), step: String(step), "aria-label": label(index) });
        input.addEventListener("change", () => edit(index, Number(input.value)));
        const button = element("button", { type: "button", "aria-label": `Remove ${label(index).toLowerCase()}` }, "Remove");
        button.addEventListener("click", () => remove(index));
        return element("li", {}, input, button);
      }));
    }
    values.forEach((value, index) => {
      const [input, button] = list.children[index].children;
      if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
      button.disabled = !remove || (id === "sizes" && index === values.length - 1);
      if (id === "sizes") input.readOnly = index === values.length - 1;
    });
  }

  showSizes() {
    const { decoder } = this.edited;
    this.showInputs("sizes", decoder, (index) => `Decoder graph ${index + 1}, sequences`, {
      edit: (index, value) => this.commit({ ...this.edited, decoder: decoder.map((old, at) => (at === index ? value : old)) }),
      remove: (index) => this.commit({ ...this.edited, decoder: this.edited.decoder.filter((_, at) => at !== index) }),
      step: 1,
    });
  }

  showLimit() {
    const { max_pixels } = this.edited;
    $("limit").value = max_pixels;
    $("limit-slider").value = Math.log(max_pixels);
    $("limit-slider").setAttribute("aria-valuetext", `${grouped(max_pixels)} pixels`);
    $("tail").value = this.data.limits.named.findIndex((cap) => cap.tail && cap.max_pixels === max_pixels);
    if ($("tail").selectedIndex < 0) $("tail").value = "";
    $("limit-named").value = this.data.limits.named.some((cap) => !cap.tail && cap.max_pixels === max_pixels) ? String(max_pixels) : "";
    if (this.data.limits.fixed_because) return;
    const square = squareUnder(max_pixels, this.data.model);
    const top = this.edited.lengths[this.edited.lengths.length - 1];
    const fits = square.needed <= top ? "it fits the top length" : `over the top length of ${told(top, this.data)}: such an image ${this.data.words.would}`;
    $("limit-note").textContent = `It lets an image of ${grouped(square.side_px)} x ${grouped(square.side_px)} px through, which needs ${told(square.needed, this.data)}; ${fits}.`;
  }

  // What an edit breaks stands first; a saving is of images that both serve.
  finding(bill) {
    const broken = [...this.broken(bill)].map((sentence) => `${sentence} `).join("");
    if (same(this.edited, this.plan)) return `${broken}This is the plan: nothing is edited.`;
    const { plan, edited } = bill.both ?? { plan: this.planned.padded, edited: bill.padded };
    if (bill.both && !bill.both.images) return `${broken}No image is ${this.data.words.served} both ways: nothing is compared.`;
    const said = compared(plan, edited, `ViT ${this.noun}`, "the plan");
    const on = bill.both ? `, on the ${number(bill.both.images)} images that both ${this.data.words.serve}` : "";
    const shrunk = this.edited.max_pixels < this.plan.max_pixels && bill.shrunk_images
      ? `; ${percent(bill.shrunk_images / this.data.images)} of the images are shrunk`
      : "";
    return `${broken}Edited: ${said}${on}; waste ${percent(bill.waste)}${shrunk}.`;
  }

  * broken(bill) {
    const { lengths, context } = this.edited;
    const { longest_request: longest, memory: known, plan, words: { one, several, unit } } = this.data;
    if (bill.overflow_images) yield `${number(bill.overflow_images)} ${bill.overflow_images === 1 ? `image ${one}: it needs` : `images ${several}: they need`} more than ${told(lengths[lengths.length - 1], this.data)} ${unit}.`;
    if (known && longest > context && context < plan.context) yield `Requests fail: the longest holds ${grouped(longest)} tokens.`;
    if (bill.fit?.lacks_bytes) {
      const sure = bill.fit.verdict === "does not fit" ? "" : " by estimate";
      yield `It does not fit${sure}: a device lacks ${memory(bill.fit.lacks_bytes)}.`;
    }
    const [before, after] = this.queueing();
    if (after > before) yield `Requests queue in ${percent(after)} of busy time (plan: ${percent(before)}).`;
  }

  queueing() {
    return [this.plan, this.edited].map(({ batch }) => this.data.decoder?.queueing[batch]);
  }

  showTotals(bill) {
    const { unit } = this.data.cost;
    const { several, serve, served, masks } = this.data.words;
    const measured = this.data.bytes.terms || this.data.bytes.knots;
    const missing = `Images that ${several}`;
    const [plan, edited] = [this.planned, bill];
    const both = edited.both ?? { plan: plan.padded, edited: edited.padded };
    const rows = [
      [missing, number(plan.overflow_images), number(edited.overflow_images), ""],
      [`ViT ${this.noun} of what ${edited.both ? `both ${serve}` : `is ${served}`}`, compute(both.plan, unit), compute(both.edited, unit), change(both.plan, both.edited)],
      ["Waste", percent(plan.waste), percent(edited.waste), ""],
      ["Graphs", number(this.plan.lengths.length), number(this.edited.lengths.length), ""],
      [`Device memory of all lengths (${measured ? "measured" : `${masks ? "masks, " : ""}inputs, outputs`})`, memory(plan.device_bytes), memory(edited.device_bytes), change(plan.device_bytes, edited.device_bytes)],
      ["Images shrunk by max_pixels", number(plan.shrunk_images), number(edited.shrunk_images), `${percent(edited.shrunk_images / this.data.images)} of all`],
    ];
    if (edited.fit) {
      const { device, usable_bytes } = this.data.memory;
      rows.push(
        [`The fullest device, of ${memory(usable_bytes)} (${device})`, memory(plan.fit.device_bytes), memory(edited.fit.device_bytes), change(plan.fit.device_bytes, edited.fit.device_bytes)],
        ["Blocks of the cache", number(plan.fit.blocks), number(edited.fit.blocks), ""],
        ["Does it fit", ...[plan, edited].map(({ fit }) => (fit.lacks_bytes && fit.verdict === "cannot tell" ? "does not fit by estimate" : fit.verdict)), ""],
      );
    }
    if (this.data.decoder) {
      const costs = [plan, edited].map(({ decoder }) => (decoder ? `${significant(decoder.mean_step_cost, 4)} ${this.data.decoder.unit}` : "not known here"));
      const said = edited.decoder ? change(plan.decoder.mean_step_cost, edited.decoder.mean_step_cost) : "the command tells";
      rows.push([`Mean decode step${this.data.decoder.replayed ? ", under the load as replayed for the plan" : ""}`, ...costs, said]);
    }
    if (this.data.decoder) rows.push(["Busy time in which requests queue", ...this.queueing().map((share) => (share === undefined ? "not known here" : percent(share))), ""]);
    const failing = { [missing]: edited.overflow_images > 0, "Does it fit": edited.fit?.lacks_bytes > 0 };
    $("totals").replaceChildren(...rows.map((cells) => {
      const row = element("tr", {}, element("th", { scope: "row", class: "text" }, cells[0]), ...cells.slice(1).map((cell) => element("td", { class: "number" }, cell)));
      if (failing[cells[0]]) row.className = "failing";
      return row;
    }));
  }

  showBuckets(bill) {
    const rows = bill.buckets.map((bucket) => {
      const side = largestSquare(bucket.length, this.data.model);
      const cells = [
        ...(this.data.words.per > 1 ? [] : [grouped(Math.ceil(bucket.length / this.data.model.merge ** 2))]),
        side ? `${grouped(side)} x ${grouped(side)}` : "none",
        number(bucket.runs),
        percent(bucket.share),
        compute(bucket.padded, this.data.cost.unit),
        percent(bucket.waste),
        memory(bucket.device_bytes),
      ];
      return element("tr", {}, element("th", { scope: "row", class: "number" }, told(bucket.length, this.data)), ...cells.map((cell) => element("td", { class: "number" }, cell)));
    });
    $("buckets").replaceChildren(...rows);
  }

  text(release, file) {
    if (same(this.edited, this.plan)) return file.text;
    return filled(file.pattern, { ...this.edited, blocks: this.current.fit?.given }, this.current, this.current.decoder, release.extra, this.data);
  }

  showFile() {
    const release = this.data.releases.find((each) => each.version === $("release").value);
    if (!release) return;
    const chosen = Math.max($("file").selectedIndex, 0);
    if ($("file").dataset.release !== release.version) {
      $("file").replaceChildren(...release.files.map((file) => element("option", {}, file.name)));
      $("file").selectedIndex = chosen;
      $("file").dataset.release = release.version;
    }
    const { current, planned } = this;
    // Files have places for blocks, and for nothing else of a deployment.
    const told = ["context", "batch", "devices"].every((name) => this.edited[name] === this.plan[name]) && current.fit?.way === planned.fit?.way;
    $("text").textContent = told
      ? this.text(release, release.files[chosen])
      : "Not shown: the deployment is another one. The command below writes it.";
    $("copy-file").disabled = !told;
  }

  // The words that make bucketwise say and write what is edited. It plans no lengths
  // that fail images: such ones are priced as if they ran today.
  showOptions() {
    const { data, edited, plan, current } = this;
    const { lengths, max_pixels, decoder } = edited;
    const { named, top: planTop, fixed_because: fixed } = data.limits;
    const { resets, in_place_of: instead } = data.options;
    const scale = data.unit === "merged_patches" ? data.model.merge ** 2 : 1;
    const top = lengths[lengths.length - 1];
    const words = data.words.targets.map((target) => `--target ${target}`);
    if (current.overflow_images) {
      words.push(`--current ${lengths.map((length) => Math.ceil(length / data.words.per)).join(",")} --current-max-pixels ${max_pixels}`);
    } else {
      words.push(`--buckets ${lengths.length}`, ...lengths.map((length) => `--pin ${Math.ceil(length / scale)}`));
      if (resets) words.push(resets);
      if (!fixed) words.push(`--max-pixels ${max_pixels}`);
      const holds = [{ max_pixels: plan.max_pixels, top: planTop }, ...named].some((each) => max_pixels <= each.max_pixels && top >= each.top);
      if (!holds && data.words.raises) words.push("--allow-overflow");
    }
    if (data.memory) words.push(`--max-seq-len ${edited.context}`);
    if (edited.batch !== plan.batch || plan.decoder.length) words.push(`--batch-size ${edited.batch}`);
    if (edited.devices !== plan.devices) words.push(`--devices ${edited.devices}`);
    if (data.decoder?.smaller_graphs) words.push(`--decoder-graphs ${decoder.length}`, ...decoder.slice(0, -1).map((size) => `--decoder-pin ${size}`));
    $("options").replaceChildren(...words.flatMap((word, at) => [at ? " " : "", element("span", {}, word)]));
    $("options-note").textContent = current.overflow_images
      ? `bucketwise plans no lengths above which images it has read ${data.words.several}. To have it price these beside the plan, add to its command:`
      : `To have bucketwise write all of them, add to its command${instead && `, in place of its ${instead}`}:`;
  }
}

function startPanel() {
  const place = document.getElementById("what-if-data");
  if (place) window.bucketwise.panel = new Panel(JSON.parse(place.textContent));
}
