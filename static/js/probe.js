// Draws the probe's answers on a canvas (uPlot): thousands of points, some times a second, without an element for each.
(function () {
  "use strict";

  // as in migrations_app/thinning.py; the page may hold twice as many before it thins them as the server does
  var MOST_ANSWERED = 3000, MOST_UNANSWERED = 1000;
  var ANSWERED = "#3f8fd6", SILENT = "#d6453d";
  var HEIGHT = 330, FELT = 0.38, NOT_FELT = 0.18;
  var element, known, chart, zoomed = false;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // of each run the slowest, so that no peak is lost
  function slowest(points) {
    var step = Math.ceil(points.length / MOST_ANSWERED), out = [];
    for (var at = 0; at < points.length; at += step) {
      out.push(points.slice(at, at + step).reduce(function (most, point) { return point[1] > most[1] ? point : most; }));
    }
    return out;
  }

  // both ends of each gap, and some of what lies between; of gaps without number only some
  function ends(seconds, answered) {
    var next = 0, gap = 0, of = seconds.map(function (second) {
      var before = next;
      while (next < answered.length && answered[next][0] < second) next++;
      return next > before ? ++gap : gap;
    });
    var step = Math.ceil(2 * seconds.length / MOST_UNANSWERED);
    return seconds.filter(function (_second, at) {
      var end = of[at] !== of[at - 1] || of[at] !== of[at + 1];
      return at % step === 0 || (end && 4 * gap < MOST_UNANSWERED);
    });
  }

  function bounded() {
    known.answered.sort(function (a, b) { return a[0] - b[0]; });
    known.unanswered.sort(function (a, b) { return a - b; });
    if (known.unanswered.length > 2 * MOST_UNANSWERED) known.unanswered = ends(known.unanswered, known.answered);
    if (known.answered.length > 2 * MOST_ANSWERED) known.answered = slowest(known.answered);
  }

  // uPlot's columns: when, the answer's time, and 0 where there was none; from the start to the end of the last stage
  function columns() {
    var rows = known.answered.map(function (point) { return [point[0], point[1], null]; });
    known.unanswered.forEach(function (second) { rows.push([second, null, 0]); });
    known.strips.forEach(function (strip) { rows.push([strip.to, null, null]); });
    rows.push([0, null, null]);
    rows.sort(function (a, b) { return a[0] - b[0]; });
    return [0, 1, 2].map(function (column) { return rows.map(function (row) { return row[column]; }); });
  }

  function clipped(plot, draw) {
    var ctx = plot.ctx, box = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.left, box.top, box.width, box.height);
    ctx.clip();
    draw(ctx, box, window.devicePixelRatio || 1);
    ctx.restore();
  }

  function drawStrips(plot) {
    clipped(plot, function (ctx, box) {
      known.strips.forEach(function (strip) {
        var from = plot.valToPos(strip.from, "x", true);
        ctx.globalAlpha = strip.felt ? FELT : NOT_FELT;
        ctx.fillStyle = strip.colour;
        ctx.fillRect(from, box.top, plot.valToPos(strip.to, "x", true) - from, box.height);
      });
    });
  }

  function drawPoints(plot) {
    clipped(plot, function (ctx, _box, ratio) {
      var radius = 2 * ratio, arm = 3 * ratio, ground = plot.valToPos(0, "y", true);
      ctx.beginPath();
      if (plot.series[1].show) known.answered.forEach(function (point) {
        var x = plot.valToPos(point[0], "x", true), y = plot.valToPos(point[1], "y", true);
        ctx.moveTo(x + radius, y);
        ctx.arc(x, y, radius, 0, 2 * Math.PI);
      });
      ctx.fillStyle = ANSWERED;
      ctx.fill();
      ctx.beginPath();
      if (plot.series[2].show) known.unanswered.forEach(function (second) {
        var x = plot.valToPos(second, "x", true);
        ctx.moveTo(x - arm, ground - 2 * arm);
        ctx.lineTo(x + arm, ground);
        ctx.moveTo(x + arm, ground - 2 * arm);
        ctx.lineTo(x - arm, ground);
      });
      ctx.lineWidth = 1.5 * ratio;
      ctx.strokeStyle = SILENT;
      ctx.stroke();
    });
    element.dataset.answered = known.answered.length;
    element.dataset.unanswered = known.unanswered.length;
  }

  function axis(label, size) {
    var font = "12px " + getComputedStyle(document.body).fontFamily;
    function line() { return colour("--portal-chart-line"); }
    return {
      label: label, labelSize: 20, labelFont: font, font: font, size: size,
      stroke: function () { return colour("--portal-chart-text"); },
      grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 }
    };
  }

  function series(label, stroke, value) {
    return { label: label, stroke: stroke, paths: function () { return null; }, points: { show: false }, value: value };
  }

  function options() {
    return {
      width: element.clientWidth, height: HEIGHT,
      scales: { x: { time: false }, y: { range: function (_plot, _least, most) { return [0, (most || 1) * 1.08]; } } },
      axes: [axis("Seconds since the start", 30), axis("Answer time in ms", 44)],
      series: [
        { label: "Asked at", value: function (_plot, second) { return second === null ? "–" : second.toFixed(2) + " s"; } },
        series("Answered", ANSWERED, function (_plot, ms) { return ms === null ? "–" : "after " + ms.toFixed(1) + " ms"; }),
        series("No answer", SILENT, function (_plot, ground) { return ground === null ? "–" : "none came"; })
      ],
      cursor: { drag: { x: true, y: false }, points: { size: 7 } },
      hooks: {
        drawClear: [drawStrips], draw: [drawPoints],
        setSelect: [function (plot) { zoomed = plot.select.width > 0; }]
      }
    };
  }

  function show() {
    if (chart) chart.setData(columns(), !zoomed);
    if (chart && zoomed) chart.redraw(false);
  }

  window.addToProbe = function (report) {
    if (!chart) return;
    known.answered = known.answered.concat(report.answered);
    known.unanswered = known.unanswered.concat(report.unanswered);
    known.strips = report.strips;
    bounded();
    show();
  };

  // the plot with its key, on the page's background
  function picture() {
    var drawn = chart.ctx.canvas, ratio = window.devicePixelRatio || 1, head = 28 * ratio;
    var canvas = document.createElement("canvas"), ctx = canvas.getContext("2d");
    canvas.width = drawn.width;
    canvas.height = drawn.height + head;
    ctx.fillStyle = getComputedStyle(element.closest(".card")).backgroundColor;
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.drawImage(drawn, 0, head);
    ctx.font = 12 * ratio + "px " + getComputedStyle(document.body).fontFamily;
    ctx.textBaseline = "middle";
    [["● Answered", ANSWERED, 50], ["× No answer", SILENT, 150]].forEach(function (key) {
      ctx.fillStyle = key[1];
      ctx.fillText(key[0], key[2] * ratio, head / 2);
    });
    return canvas;
  }

  function save(name) {
    picture().toBlob(function (blob) {
      var link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    element = document.getElementById("probe-plot");
    if (!element) return;
    known = JSON.parse(document.getElementById("probe-figure").textContent);
    chart = new window.uPlot(options(), columns(), element);
    element.addEventListener("dblclick", function () { zoomed = false; show(); });
    new ResizeObserver(function () { chart.setSize({ width: element.clientWidth, height: HEIGHT }); }).observe(element);
    document.addEventListener("themechange", function () { chart.redraw(false); });
    var button = document.getElementById("probe-png");
    button.addEventListener("click", function () { save(button.dataset.name); });
  });
})();
