// A cursor with values on every chart; without scripts the points' own titles tell them.
document.querySelectorAll('.chart').forEach(chart => {
  const svg = chart.querySelector('svg');
  const lines = [...svg.querySelectorAll('polyline')].map(line => ({
    name: line.dataset.name,
    at: line.getAttribute('points').split(' ').map(p => p.split(',').map(Number)),
    values: line.dataset.v.split(' ').map(p => p.split(',').map(Number)),
  }));
  if (lines.length === 0) return;
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  cursor.setAttribute('class', 'cursor');
  cursor.setAttribute('y1', 14);
  cursor.setAttribute('y2', 202);
  const tip = document.createElement('div');
  tip.className = 'tip';
  const hide = () => { cursor.remove(); tip.remove(); };
  const show = event => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * 560 / box.width;
    const nearest = lines.map(line => line.at.reduce((best, p, i) => Math.abs(p[0] - x) < Math.abs(line.at[best][0] - x) ? i : best, 0));
    const middle = lines[0].at[nearest[0]][0];
    cursor.setAttribute('x1', middle);
    cursor.setAttribute('x2', middle);
    tip.replaceChildren(...[svg.dataset.x + ' ' + lines[0].values[nearest[0]][0], ...lines.map((line, i) => (line.name ? line.name + ': ' : '') + line.values[nearest[i]][1])].map(text => {
      const row = document.createElement('div');
      row.textContent = text;
      return row;
    }));
    svg.append(cursor);
    chart.append(tip);
    const left = middle / 560 * box.width + 24;
    tip.style.left = Math.max(4, Math.min(left, chart.clientWidth - tip.offsetWidth - 8)) + 'px';
  };
  svg.addEventListener('pointermove', show);
  svg.addEventListener('pointerdown', show);
  svg.addEventListener('pointerleave', hide);
});
