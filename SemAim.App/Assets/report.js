// Charts with hover values by uPlot; without scripts the SVG below each stays, whose points tell their values. Printed pages show the SVG.
(() => {
  const ink = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = v => v == null ? '–' : v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e6) ? v.toExponential(3) : String(+v.toPrecision(5));
  // one unit for all of an axis
  const ticks = all => {
    const most = Math.max(...all.map(Math.abs));
    const [unit, sign] = most >= 1e9 ? [1e9, ' G'] : most >= 1e6 ? [1e6, ' M'] : most >= 1e4 ? [1e3, ' k'] : [1, ''];
    return all.map(v => v === 0 ? '0' : most < 1e-3 ? v.toExponential(1) : +(v / unit).toPrecision(6) + sign);
  };
  const marker = line => {
    if (!line) return 'transparent';
    const colour = getComputedStyle(line).stroke;
    return line.classList.contains('dash') ? `repeating-linear-gradient(90deg, ${colour} 0 5px, transparent 5px 7px)` : colour;
  };
  const drawn = [];

  function draw(figure, svg) {
    const lines = [...svg.querySelectorAll('polyline')];
    if (lines.length === 0) return null;
    const tables = lines.map(line => {
      const points = line.dataset.v.split(' ').map(p => p.split(',').map(Number)).sort((a, b) => a[0] - b[0]);
      return [points.map(p => p[0]), points.map(p => p[1])];
    });
    const axis = { stroke: ink('--soft'), grid: { stroke: ink('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const whole = svg.dataset.x !== 'seconds of training';
    // runs log at different steps: under the pointer each shows its nearest value, up to where it ends
    const last = chart => chart.setLegend({ idxs: chart.data.map(column => column.findLastIndex(v => v != null)) });
    const dots = tables.every(t => t[0].length <= 20);
    return new uPlot({
      width: Math.max(220, figure.clientWidth - 2 * parseFloat(getComputedStyle(figure).paddingLeft)),
      height: 220,
      scales: { x: { time: false } },
      cursor: { points: { size: 7 }, drag: { x: true, y: false }, hover: { skip: [undefined, null], prox: 30 } },
      hooks: { ready: [last], setCursor: [chart => { if (!(chart.cursor.left >= 0)) last(chart); }] },           // the last values, while no pointer is there
      legend: { live: true, markers: { width: 0, fill: (_, i) => marker(lines[i - 1]) } },
      axes: [
        { ...axis, size: 30, values: (_, all) => ticks(all), space: 70, ...(whole ? { incrs: [1, 2, 5].flatMap(d => [...Array(9).keys()].map(p => d * 10 ** p)).sort((a, b) => a - b) } : {}) },
        { ...axis, size: 62, values: (_, all) => ticks(all) },
      ],
      series: [
        { label: svg.dataset.x, value: (chart, v) => lines.length > 1 && !(chart.cursor.left >= 0) ? 'last' : number(v) },
        ...lines.map(line => ({ label: line.dataset.name || 'value', stroke: getComputedStyle(line).stroke, dash: line.classList.contains('dash') ? [7, 4] : undefined, width: line.classList.contains('fine') ? 1 : 2, spanGaps: true, points: { show: dots, size: 6 }, value: (_, v) => number(v) })),
      ],
    }, tables.length === 1 ? tables[0] : uPlot.join(tables), figure);
  }

  function all() {
    for (const chart of drawn.splice(0)) chart.destroy();
    document.querySelectorAll('.chart').forEach(figure => {
      const chart = draw(figure, figure.querySelector('svg'));
      if (chart === null) return;
      figure.classList.add('live');
      drawn.push(chart);
    });
  }

  all();
  let waiting = 0;
  const again = () => { clearTimeout(waiting); waiting = setTimeout(all, 150); };
  let width = innerWidth;
  addEventListener('resize', () => { if (innerWidth !== width) { width = innerWidth; again(); } });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
})();
