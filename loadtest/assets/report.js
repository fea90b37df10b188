"use strict";
// Draws the charts that the page carries as data (loadtest/src/report/charts.rs decides them).
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);

  const short = (value) => {
    const size = Math.abs(value);
    const trimmed = (number) => String(+number.toPrecision(3));
    if (size >= 1e9) return trimmed(value / 1e9) + "G";
    if (size >= 1e6) return trimmed(value / 1e6) + "M";
    if (size >= 1e3) return trimmed(value / 1e3) + "k";
    return trimmed(value);
  };
  const time = (us) => {
    if (us >= 1e6) return +(us / 1e6).toPrecision(3) + " s";
    if (us >= 1e3) return +(us / 1e3).toPrecision(3) + " ms";
    return +us.toPrecision(3) + " µs";
  };
  // An axis is at 1 / (1 - quantile): as many nines as there are decades.
  const percentile = (x) => {
    const share = 100 * (1 - 1 / x);
    const digits = Math.max(0, Math.ceil(Math.log10(x) - 1e-9) - 1);
    return "p" + +share.toFixed(digits + (Math.log10(x) % 1 > 1e-9 ? 1 : 0));
  };
  const formats = { count: short, time, seconds: (s) => +s.toPrecision(4) + " s", percentile };
  // In a legend there is room for the whole number.
  const whole = { ...formats, count: (v) => v.toLocaleString("en-US", { maximumFractionDigits: 1 }) };

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const faded = (name, share) => {
    const hex = color(name).slice(1);
    const parts = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${parts.join(",")},${share})`;
  };

  const lineOf = (series) => {
    const stroke = color(series.color);
    const options = { label: series.label, stroke, width: 2, pxAlign: 0, spanGaps: false, points: { show: false } };
    switch (series.style) {
      case "area":
        return { ...options, fill: faded(series.color, 0.12) };
      case "dashed":
        return { ...options, dash: [5, 5], width: 1.5, spanGaps: true };
      case "points":
        return {
          ...options,
          paths: () => null,
          points: { show: true, size: 8, width: 1.5, stroke, fill: faded(series.color, 0.35) },
        };
      case "bars":
        return {
          ...options,
          width: 0,
          fill: faded(series.color, 0.75),
          paths: uPlot.paths.bars({ size: [0.9, 40], align: 0 }),
        };
      default:
        return { ...options, spanGaps: true };
    }
  };

  // Where a log axis has less than two decades, the steps between the powers are named as well.
  const steps = (low, high) => {
    const wide = Math.log10(high / low);
    const of = wide > 2.5 ? [1] : wide > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7];
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const digit of of) {
        const value = +(digit * 10 ** power).toPrecision(3);
        if (value >= low * 0.999 && value <= high * 1.001) all.push(value);
      }
    }
    return all;
  };
  const nines = (low, high) => [1, 2, 4, ...steps(10, high)].filter((x) => x >= low && x <= high * 1.001);

  const axisOf = (axis, side) => {
    const options = {
      label: axis.label,
      labelSize: 18,
      labelGap: 2,
      labelFont: "12px system-ui, sans-serif",
      font: "12px system-ui, sans-serif",
      stroke: color("muted"),
      grid: { stroke: color("grid"), width: 1 },
      ticks: { show: false },
      side,
      gap: 6,
      size: side === 3 ? 64 : 30,
      space: side === 3 ? 36 : 64,
      values: (_, values) => values.map((v) => (v == null ? "" : formats[axis.format](v))),
    };
    if (axis.log) {
      const splits = axis.format === "percentile" ? nines : steps;
      options.splits = (plot, index, low, high) => splits(low, high);
      options.filter = (_, values) => values;
    }
    return options;
  };

  const padded = (log, fromZero, marks) => (_, low, high) => {
    if (low == null || high == null) return [log ? 1 : 0, log ? 10 : 1];
    for (const mark of marks) {
      low = Math.min(low, mark);
      high = Math.max(high, mark);
    }
    if (log) return [low / 1.2, high * 1.2];
    if (fromZero) return [0, high * 1.08 || 1];
    const pad = (high - low) * 0.03 || 1;
    return [low - pad, high + pad];
  };

  // Lines across at a result or an objective, with the range around them, under the series.
  const drawMarks = (marks) => (plot) => {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    let row = 0;
    for (const mark of marks) {
      const upright = mark.axis === "x";
      const place = (value) => plot.valToPos(value, mark.axis, true);
      if (mark.range) {
        const [from, to] = mark.range.map(place);
        ctx.fillStyle = faded(mark.color, 0.14);
        if (upright) ctx.fillRect(from, bbox.top, Math.max(to - from, 1), bbox.height);
        else ctx.fillRect(bbox.left, to, bbox.width, Math.max(from - to, 1));
      }
      const at = Math.round(place(mark.at)) + 0.5;
      ctx.strokeStyle = color(mark.color);
      ctx.lineWidth = 1.5 * ratio;
      ctx.setLineDash([6 * ratio, 4 * ratio]);
      ctx.beginPath();
      if (upright) {
        ctx.moveTo(at, bbox.top);
        ctx.lineTo(at, bbox.top + bbox.height);
      } else {
        ctx.moveTo(bbox.left, at);
        ctx.lineTo(bbox.left + bbox.width, at);
      }
      ctx.stroke();
      ctx.fillStyle = color(mark.color);
      const width = ctx.measureText(mark.label).width;
      if (upright) {
        // To the left of its line, unless that would leave the chart.
        const left = at - width - 8 * ratio;
        ctx.fillText(mark.label, left > bbox.left ? left : at + 8 * ratio, bbox.top + (18 + 18 * row) * ratio);
        row += 1;
      } else {
        ctx.fillText(mark.label, bbox.left + 8 * ratio, at - 6 * ratio);
      }
    }
    ctx.restore();
  };

  const draw = (chart) => {
    const element = document.getElementById(chart.id);
    element.replaceChildren();
    const marksOf = (axis) => chart.marks.filter((m) => m.axis === axis).flatMap((m) => [m.at, ...(m.range || [])]);
    const scale = (axis, fromZero, marks) => ({
      time: false,
      distr: axis.log ? 3 : 1,
      log: 10,
      range: padded(axis.log, fromZero, marks),
    });
    const overTime = chart.x.format === "seconds";
    const options = {
      width: element.clientWidth,
      height: 320,
      scales: {
        x:
          chart.x.format === "percentile"
            ? { time: false, distr: 3, log: 10, range: (_, low, high) => [low, high] }
            : scale(chart.x, false, marksOf("x")),
        y: scale(chart.y, true, marksOf("y")),
      },
      axes: [axisOf(chart.x, 2), axisOf(chart.y, 3)],
      series: [
        { label: chart.x.label, value: (_, v) => (v == null ? "" : whole[chart.x.format](v)) },
        ...chart.series.map((series) => ({
          ...lineOf(series),
          value: (_, v) => (v == null ? "" : whole[chart.y.format](v)),
        })),
      ],
      cursor: {
        points: { size: 7 },
        drag: { x: true, y: false },
        ...(overTime ? { sync: { key: "time" } } : {}),
      },
      legend: { live: true },
      hooks: { drawAxes: [drawMarks(chart.marks)] },
    };
    const data = [chart.xs, ...chart.series.map((series) => series.values)];
    return new uPlot(options, data, element);
  };

  let drawn = [];
  const drawAll = () => {
    for (const plot of drawn) plot.destroy();
    drawn = [];
    for (const chart of charts) {
      try {
        drawn.push(draw(chart));
      } catch (error) {
        const text = document.createElement("p");
        text.className = "error";
        text.textContent = "This chart could not be drawn: " + error;
        document.getElementById(chart.id).replaceChildren(text);
      }
    }
  };

  drawAll();
  // Colours and width are read when a chart is drawn.
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", drawAll);
  }
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawAll();
  });
})();
