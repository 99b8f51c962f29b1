// The map of a geoseg report: parcels by status, moved and zoomed on a canvas. No library.
"use strict";
(() => {
  const source = document.getElementById("map");
  if (!source) return;
  const content = JSON.parse(source.textContent);
  const box = document.querySelector(".map"), canvas = box.querySelector("canvas");
  const ctx = canvas.getContext("2d"), card = box.querySelector(".chosen");
  const style = getComputedStyle(document.documentElement);
  const colorOf = (name) => style.getPropertyValue("--" + name).trim() || "#888888";
  const CELLS = 24, FINE = 14, WAIT = 90;  // cells a side; pixels of a parcel from which all lines show; ms

  function numbers(text) {  // whole numbers of 7 bits a byte
    const bytes = atob(text);
    let at = 0;
    return () => {
      let value = 0, factor = 1, byte;
      do {
        byte = bytes.charCodeAt(at++);
        value += (byte & 127) * factor;
        factor *= 128;
      } while (byte & 128);
      return value;
    };
  }

  function decode(layer) {
    const next = numbers(layer.outlines), signed = () => {
      const value = next();
      return value % 2 ? -(value + 1) / 2 : value / 2;
    };
    let x = 0, y = 0;
    return layer.status.map((status, index) => {
      const rings = [], bounds = [Infinity, Infinity, -Infinity, -Infinity];
      for (let r = next(); r > 0; r--) {
        const ring = new Int32Array(2 * next());
        for (let i = 0; i < ring.length; i += 2) {
          x += signed(); y += signed();
          ring[i] = x; ring[i + 1] = y;
          bounds[0] = Math.min(bounds[0], x); bounds[1] = Math.min(bounds[1], y);
          bounds[2] = Math.max(bounds[2], x); bounds[3] = Math.max(bounds[3], y);
        }
        rings.push(ring);
      }
      return { layer, index, status, rings, bounds };
    });
  }

  const side = Math.max(content.width, content.height, 1) / CELLS;
  const cellOf = (value) => Math.max(0, Math.min(CELLS - 1, Math.floor(value / side)));
  const cells = Array.from({ length: CELLS * CELLS }, () => ({ touching: [], paths: new Map(), all: null }));

  function trace(path, parcel) {
    for (const ring of parcel.rings) {
      for (let i = 0; i < ring.length; i += 2) {
        if (i) path.lineTo(ring[i], ring[i + 1]); else path.moveTo(ring[i], ring[i + 1]);
      }
      path.closePath();
    }
  }

  content.layers.forEach((layer, number) => {
    layer.number = number;
    layer.shown = layer.statuses.map(() => true);
    layer.counts = layer.statuses.map(() => 0);
    layer.parcels = decode(layer);
    layer.size = layer.parcels.reduce((sum, { bounds }) => sum + bounds[2] - bounds[0] + bounds[3] - bounds[1], 0) /
      (2 * layer.parcels.length || 1);
    for (const parcel of layer.parcels) {
      layer.counts[parcel.status]++;
      const [left, top, right, bottom] = parcel.bounds;
      for (let row = cellOf(top); row <= cellOf(bottom); row++) {
        for (let col = cellOf(left); col <= cellOf(right); col++) cells[row * CELLS + col].touching.push(parcel);
      }
      const home = cells[cellOf((top + bottom) / 2) * CELLS + cellOf((left + right) / 2)];
      const key = number + ":" + parcel.status;
      if (!home.paths.has(key)) home.paths.set(key, new Path2D());
      trace(home.paths.get(key), parcel);
      home.all = home.all ? [Math.min(home.all[0], left), Math.min(home.all[1], top),
        Math.max(home.all[2], right), Math.max(home.all[3], bottom)] : parcel.bounds.slice();
    }
  });

  let scale = 1, x0 = 0, y0 = 0, chosen = null, picture = null, timer = 0;
  const still = document.createElement("canvas");  // the last sharp drawing, moved while the hand moves
  let stillView = null;

  function draw() {
    const dpr = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * dpr);
    canvas.height = Math.round(canvas.clientHeight * dpr);
    ctx.setTransform(scale * dpr, 0, 0, scale * dpr, -x0 * scale * dpr, -y0 * scale * dpr);
    if (picture) ctx.drawImage(picture, content.picture.x, content.picture.y, content.picture.width, content.picture.height);
    const view = [x0, y0, x0 + canvas.clientWidth / scale, y0 + canvas.clientHeight / scale];
    for (const layer of content.layers) {
      layer.statuses.forEach(([, color], status) => {
        if (!layer.shown[status]) return;
        const fine = Math.min(1, layer.size * scale / FINE);  // from afar lines would hide the colors
        if (fine < 0.6 && layer.dashed && color === "matched") return;
        ctx.strokeStyle = ctx.fillStyle = layer.dashed ? "#ffffff" : colorOf(color);
        if (layer.dashed && color !== "matched") ctx.strokeStyle = ctx.fillStyle = colorOf(color);
        ctx.lineWidth = fine * (layer.dashed ? 1.3 : 1.6) / scale;
        ctx.setLineDash(layer.dashed ? [5 / scale, 4 / scale] : []);
        for (const cell of cells) {
          const path = cell.paths.get(layer.number + ":" + status), all = cell.all;
          if (!path || all[0] > view[2] || all[2] < view[0] || all[1] > view[3] || all[3] < view[1]) continue;
          if (!layer.dashed || color === "missed") {
            ctx.globalAlpha = picture ? 0.28 : 0.5;
            ctx.fill(path, "evenodd");
            ctx.globalAlpha = 1;
          }
          ctx.stroke(path);
        }
      });
    }
    if (chosen) {
      const path = new Path2D();
      trace(path, chosen);
      ctx.setLineDash([]);
      for (const [wide, color] of [[5, "#000000"], [2.5, "#ffe94d"]]) {
        ctx.lineWidth = wide / scale; ctx.strokeStyle = color; ctx.stroke(path);
      }
    }
    still.width = canvas.width; still.height = canvas.height;
    still.getContext("2d").drawImage(canvas, 0, 0);
    stillView = { scale, x0, y0, dpr };
  }

  function moved() {  // show the old drawing in its new place; draw again when the hand rests
    if (stillView && still.width && still.height) {
      const dpr = stillView.dpr, k = scale / stillView.scale;
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.clearRect(0, 0, canvas.width, canvas.height);
      ctx.drawImage(still, (stillView.x0 - x0) * scale * dpr, (stillView.y0 - y0) * scale * dpr,
        still.width * k, still.height * k);
    }
    clearTimeout(timer);
    timer = setTimeout(draw, WAIT);
  }

  const fitting = () => Math.min(canvas.clientWidth / content.width, canvas.clientHeight / content.height) * 0.97;

  function show(left, top, right, bottom, share) {
    scale = Math.min(canvas.clientWidth / (right - left || 1), canvas.clientHeight / (bottom - top || 1)) * share;
    x0 = (left + right) / 2 - canvas.clientWidth / scale / 2;
    y0 = (top + bottom) / 2 - canvas.clientHeight / scale / 2;
    draw();
  }
  const showAll = () => show(0, 0, content.width, content.height, 0.97);

  function zoom(factor, px, py) {
    const x = x0 + px / scale, y = y0 + py / scale, least = fitting();
    scale = Math.max(least * 0.5, Math.min(least * 4000, scale * factor));
    x0 = x - px / scale; y0 = y - py / scale;
    moved();
  }

  function inside(parcel, x, y) {
    let odd = false;
    for (const ring of parcel.rings) {
      for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
        const yi = ring[i + 1], yj = ring[j + 1];
        if ((yi > y) !== (yj > y) && x < (ring[j] - ring[i]) * (y - yi) / (yj - yi) + ring[i]) odd = !odd;
      }
    }
    return odd;
  }

  function choose(parcel) {
    chosen = parcel;
    card.hidden = !parcel;
    card.textContent = "";
    if (parcel) {
      const title = document.createElement("b");
      title.textContent = parcel.layer.name + ", " + parcel.layer.statuses[parcel.status][0];
      card.append(title);
      for (const [name, values] of Object.entries(parcel.layer.facts)) {
        if (values[parcel.index] === null || values[parcel.index] === "") continue;
        const line = document.createElement("div"), key = document.createElement("span"), value = document.createElement("span");
        key.textContent = name; value.textContent = values[parcel.index];
        line.append(key, value); card.append(line);
      }
    }
    draw();
  }

  function click(px, py) {
    const x = x0 + px / scale, y = y0 + py / scale;
    const here = cells[cellOf(y) * CELLS + cellOf(x)].touching.filter((one) =>
      one.layer.shown[one.status] && one.bounds[0] <= x && x <= one.bounds[2] &&
      one.bounds[1] <= y && y <= one.bounds[3] && inside(one, x, y)).reverse();
    // a second click on the spot gives what lies below
    choose(here.length ? here[(here.indexOf(chosen) + 1) % here.length] : null);
  }

  let held = null, far = false;
  const fingers = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    held = [event.offsetX, event.offsetY]; far = fingers.size > 1;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()].map((one) => one.slice());
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    const after = [...fingers.values()];
    if (after.length === 2) {
      const apart = (two) => Math.hypot(two[0][0] - two[1][0], two[0][1] - two[1][1]) || 1;
      zoom(apart(after) / apart(before), (after[0][0] + after[1][0]) / 2, (after[0][1] + after[1][1]) / 2);
    } else if (after.length === 1) {
      const dx = after[0][0] - before[0][0], dy = after[0][1] - before[0][1];
      if (Math.hypot(event.offsetX - held[0], event.offsetY - held[1]) > 3) far = true;
      if (far) { x0 -= dx / scale; y0 -= dy / scale; moved(); }
    }
  });
  const release = (event) => {
    if (fingers.delete(event.pointerId) && !far && event.type === "pointerup") click(event.offsetX, event.offsetY);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = 60 / scale, keys = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const [w, h] = [canvas.clientWidth / 2, canvas.clientHeight / 2];
    if (keys[event.key]) { x0 += keys[event.key][0]; y0 += keys[event.key][1]; moved(); }
    else if (event.key === "+" || event.key === "=") zoom(1.6, w, h);
    else if (event.key === "-") zoom(0.625, w, h);
    else if (event.key === "0") showAll();
    else if (event.key === "Escape") choose(null);
    else return;
    event.preventDefault();
  });
  box.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
    const factor = Number(button.dataset.zoom);
    if (factor) zoom(factor, canvas.clientWidth / 2, canvas.clientHeight / 2); else showAll();
  }));

  const keys = document.querySelector(".keys");
  for (const layer of content.layers) {
    const line = document.createElement("div"), title = document.createElement("strong");
    title.textContent = layer.name + (layer.dashed ? " (dashed)" : "");
    line.append(title);
    layer.statuses.forEach(([name, color], status) => {
      if (!layer.counts[status]) return;
      const label = document.createElement("label"), tick = document.createElement("input"), dot = document.createElement("i");
      tick.type = "checkbox"; tick.checked = true;
      tick.addEventListener("change", () => { layer.shown[status] = tick.checked; draw(); });
      dot.className = color;
      label.append(tick, dot, name + ": " + layer.counts[status].toLocaleString("en"));
      line.append(label);
    });
    keys.append(line);
  }
  document.querySelectorAll("[data-parcel]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    const [layer, index] = link.dataset.parcel.split(":").map(Number);
    const parcel = content.layers[layer].parcels[index], [left, top, right, bottom] = parcel.bounds;
    show(left, top, right, bottom, 0.45);
    choose(parcel);
    box.scrollIntoView({ behavior: "smooth", block: "center" });
  }));

  new ResizeObserver(() => {  // a hidden page has no size; nothing fits into that
    if (canvas.clientWidth && canvas.clientHeight) stillView ? draw() : showAll();
  }).observe(canvas);
  if (content.picture) {
    picture = new Image();
    picture.onload = () => { if (stillView) draw(); };  // before that, the first showAll draws it
    picture.src = content.picture.url;
  }
})();
