// What devices hold and whether that fits (memory/layout.py and memory/sums.py), and the
// cache's blocks where nobody gave them (fitting.py), for edited numbers.

// The least n in a range for which something holds; `end` where it never does.
function leastOf(from, end, holds) {
  let [low, high] = [from, end];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function verdictOf(fit, margin) {
  if (fit.certain > fit.room) return "does not fit";
  return fit.needed <= fit.room - Math.floor(fit.room / margin) ? "fits" : "cannot tell";
}

// Bytes of all lengths that are certain: measured ones, else those of the longest.
function surely(lengths, { terms, knots }) {
  return terms || knots ? lengths.reduce((sum, bytes) => sum + bytes, 0) : lengths[lengths.length - 1];
}

// How one release lays it out: what each sort of device takes, apart from the cache.
function laidOut(edited, release, data) {
  const { memory } = data;
  const on = release.on[edited.devices];
  const aligned = (bytes) => alignUp(bytes, memory.align_bytes);
  const tensors = (kinds, times) => kinds.reduce((sum, [count, bytes]) => sum + count * aligned(times * bytes), 0);
  const block = memory.partition ?? edited.context;
  const each = Math.floor(edited.context / block);
  const full = each * edited.batch;
  const used = release.batch_floor ? Math.max(each, edited.batch) : each;
  const least = memory.partition ? Math.min(used + 1, full) : edited.batch;
  const decoders = memory.generates ? edited.decoder.length || memory.sizes.length || 1 : 0;
  const known = on.certain_bytes + tensors(on.sliding, edited.batch);
  const guessed = on.assumed_bytes + memory.graph_bytes * (1 + decoders)
    + Math.ceil(on.state_bytes * edited.batch / edited.devices);
  const lengths = edited.lengths.map((length) => bytesAt(length + release.extra, data.bytes));
  return {
    full,
    least,
    useful: Math.max(least, Math.min(memory.partition ? edited.batch + 1 : edited.batch, full)),
    cache: (blocks) => tensors(on.cache, blocks * block),
    known,
    all: known + guessed,
    vit: lengths.reduce((sum, bytes) => sum + bytes, on.vit_bytes),
    vit_known: on.vit_bytes + (on.vit_devices === 1 ? surely(lengths, data.bytes) : 0),
    pools: on.pools,
    chiplets: release.chiplets,
  };
}

// What devices hold with so many blocks given; 0 leaves them to the SDK.
function heldWith(blocks, laid, data) {
  const { usable_bytes: usable, partition, margin } = data.memory;
  const auto = partition !== null && !blocks;
  const budget = auto ? data.memory.budget_bytes : usable;
  const { cache, known, all, full } = laid;
  const most = Math.max(leastOf(0, full + 1, (n) => cache(n) > budget - all) - 1, 0);
  const taken = auto ? Math.max(most, laid.least) : blocks || full;
  let certain = known + cache(auto ? laid.least : taken);
  if (auto && laid.chiplets === 1) certain = Math.max(certain, Math.min(known + cache(full), budget - cache(1)));
  const fewest = cache(auto ? laid.least : taken);
  const fits = [{ certain: known + fewest, needed: all + fewest, room: budget }];
  let fullest = 0;
  for (const [language, vit] of laid.pools) {
    const held = (language ? all + cache(taken) : 0) + (vit ? laid.vit : 0);
    const spare = language && auto && !vit ? cache(taken) - cache(laid.least) : 0;
    fits.push({ certain: (language ? certain : 0) + (vit ? laid.vit_known : 0), needed: held - spare, room: usable });
    fullest = Math.max(fullest, held);
  }
  const said = fits.map((fit) => verdictOf(fit, margin));
  return {
    blocks: taken,
    device_bytes: fullest,
    lacks_bytes: Math.max(0, ...fits.map((fit) => fit.needed - fit.room)),
    verdict: ["does not fit", "cannot tell", "fits"].find((verdict) => said.includes(verdict)),
  };
}

// What devices of the newest release hold, with the blocks that would be planned.
function fitted(edited, data) {
  const { memory } = data;
  const laid = memory.releases.map((release) => laidOut(edited, release, data));
  const held = (blocks) => laid.map((each) => heldWith(blocks, each, data));
  const fit = (blocks, surely) => held(blocks).every((each) => (surely ? each.verdict === "fits" : !each.lacks_bytes));
  const told = (blocks, way) => ({ ...held(blocks).pop(), given: blocks, way });
  const least = Math.max(...laid.map((each) => each.useful));
  const most = Math.min(...laid.map((each) => each.full));
  for (const surely of [true, false]) {
    if (fit(memory.blocks, surely)) return told(memory.blocks, "");
    const fewer = memory.blocks_free ? leastOf(0, most - least + 1, (n) => fit(most - n, surely)) : Infinity;
    if (fewer <= most - least) return told(most - fewer, surely ? "surely" : "by estimate");
  }
  return told(memory.blocks, "");
}
