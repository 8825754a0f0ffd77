// The emitted files with edited numbers put into their places (what_if/patterns.py).

// As the comments of emitted files write a share (emitters/remarks.py).
function shareInComment(share) {
  const text = grouped(100 * share, 1);
  if (text === "0.0" && share > 0) return "< 0.1 %";
  if (text === "100.0" && share < 1) return "> 99.9 %";
  return `${text} %`;
}

function bucketRow(bucket, data) {
  const side = grouped(largestSquare(bucket.length, data.model));
  const merged = Math.ceil(bucket.length / data.model.merge ** 2);
  return [
    `#   ${grouped(bucket.length).padStart(11)}`,
    grouped(merged).padStart(14),
    `${side} x ${side} px`.padStart(20),
    shareInComment(bucket.share).padStart(13),
  ].join("  ");
}

function graphRow(graph) {
  const share = shareInComment(graph.share).padStart(8);
  return `#   ${String(graph.size).padStart(4)} slots  ${share} of the steps, ${shareInComment(graph.slots_used)} of its slots in use`;
}

// The text of one file for edited buckets, limit and decoder sizes. `extra` is what a
// release needs beside the newest, for every length: a window it counts too many.
function filled(pattern, edited, bill, decoderBill, extra, data) {
  const scale = data.unit === "merged_patches" ? data.model.merge ** 2 : 1;
  const lengths = edited.lengths.map((length) => Math.ceil((length + extra) / scale));
  const buckets = bill.buckets.map((bucket) => ({ ...bucket, length: bucket.length + extra }));
  const model = { ...data.model, extra_windows: data.model.extra_windows + (extra ? 1 : 0) };
  const sizes = edited.decoder;
  const places = {
    "lengths": lengths.join(", "),
    "lengths-lines": lengths.map((length) => `      ${length}`).join(",\n"),
    "deep-lengths-lines": lengths.map((length) => `        ${length}`).join(",\n"),
    "bucket-rows": buckets.map((bucket) => bucketRow(bucket, { ...data, model })).join("\n"),
    "max-pixels": String(edited.max_pixels),
    "sizes": sizes.join(", "),
    "sizes-lines": sizes.map((size) => `    ${size}`).join(",\n"),
    "graph-rows": decoderBill ? decoderBill.graphs.map(graphRow).join("\n") : "",
    "blocks": String(edited.blocks),
    "decoder-reason": "#   edited by hand in the report.",
  };
  return pattern.replace(/\ue000([a-z-]+)\ue001/g, (_, name) => places[name]);
}
