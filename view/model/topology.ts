import type { Level, LiveGroup, LiveHost } from './live.ts';

export interface Node {
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  readonly icon: Level | 'primary' | undefined;
  /** Middle of the node. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Link {
  readonly id: string;
  readonly path: string;
  readonly kind: 'push' | 'cut' | 'joining' | 'idle' | 'read';
  /** Where the cross of a cut link stands. */
  readonly middle: readonly [x: number, y: number];
}

export interface Zone {
  readonly title: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Topology {
  readonly width: number;
  readonly height: number;
  readonly isNarrow: boolean;
  readonly nodes: readonly Node[];
  readonly links: readonly Link[];
  readonly zones: readonly Zone[];
  /** The picture in words. */
  readonly sentence: string;
}

export const nodeHeight = 42;
/** More hosts than these are drawn as one node a zone; who is in trouble is always drawn. */
const mostNodes = 12;
const gap = 6;

interface Drawn {
  readonly id: string;
  readonly zone: string;
  readonly title: string;
  readonly subtitle: string;
  readonly level: Level;
  readonly link: Link['kind'];
}

/** Where everything stands: editors, primary, secondaries by zone, visitors; from left to right, or from top to bottom where it is narrow. */
export function layOut(group: LiveGroup, width: number): Topology {
  const primary = group.hosts.find(({ role }) => role === 'primary');
  const others = drawn(group, primary !== undefined);
  const zones = [...new Set(others.map(({ zone }) => zone))].sort();
  const place = width < 620 ? narrow : wide;
  return place(width, primary, others, zones, group);
}

function drawn(group: LiveGroup, hasPrimary: boolean): readonly Drawn[] {
  const others = group.hosts.filter(({ role }) => role !== 'primary');
  const single = (host: LiveHost): Drawn => ({
    id: host.id,
    zone: host.zone,
    title: host.name,
    subtitle: host.state.toLowerCase(),
    level: host.level,
    link: linkOf(host, hasPrimary),
  });
  if (others.length <= mostNodes) return others.map(single);
  const zones = [...new Set(others.map(({ zone }) => zone))].sort();
  return zones.flatMap((zone) => {
    const here = others.filter((host) => host.zone === zone);
    const healthy = here.filter(({ level }) => level === 'ok');
    const whole: Drawn = {
      id: `zone ${zone}`,
      zone,
      title: zone.slice(-2),
      level: 'ok',
      subtitle: `${healthy.length} of ${here.length} in sync`,
      link: hasPrimary ? 'push' : 'idle',
    };
    return [
      whole,
      ...here
        .filter(({ level }) => level !== 'ok')
        .slice(0, 3)
        .map(single),
    ];
  });
}

function linkOf(host: LiveHost, hasPrimary: boolean): Link['kind'] {
  if (!hasPrimary || host.level === 'off') return 'idle';
  if (host.level === 'bad') return 'cut';
  return host.role === 'newcomer' || host.level === 'work' ? 'joining' : 'push';
}

type Place = (
  width: number,
  primary: LiveHost | undefined,
  others: readonly Drawn[],
  zones: readonly string[],
  group: LiveGroup,
) => Topology;

const wide: Place = (width, primary, others, zones, group) => {
  const nodeWidth = 138;
  const left = width * 0.58;
  const boxes: Zone[] = [];
  const nodes: Node[] = [];
  let y = 14;
  for (const zone of zones) {
    const here = others.filter((each) => each.zone === zone);
    const height = here.length * (nodeHeight + gap) + gap + 2;
    boxes.push({ title: zone.slice(-2), x: left - 8, y, width: nodeWidth + 16, height });
    for (const [index, each] of here.entries())
      nodes.push(
        node(
          each,
          left + nodeWidth / 2,
          y + 4 + gap / 2 + nodeHeight / 2 + index * (nodeHeight + gap),
          nodeWidth,
        ),
      );
    y += height + 8;
  }
  const height = Math.max(y + 6, 180);
  const ends = 88;
  const editors = end('editors', 'Editors', 'upload', 16 + ends / 2, height / 2, ends);
  const main = primaryNode(primary, group, width * 0.3, height / 2, nodeWidth);
  const visitors = end('visitors', 'Visitors', 'read', width - 16 - ends / 2, height / 2, ends);
  const across = (id: string, from: Node, to: Node, kind: Link['kind']): Link => {
    const [x1, x2] = [from.x + from.width / 2, to.x - to.width / 2];
    const middle = (x1 + x2) / 2;
    return {
      id,
      kind,
      path: `M${x1} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${x2} ${to.y}`,
      middle: [middle, (from.y + to.y) / 2],
    };
  };
  const links = [
    across('editors', editors, main, primary === undefined ? 'cut' : 'push'),
    ...nodes.map((each) => across(each.id, main, each, linkKind(others, each.id))),
    ...nodes
      .filter((each) => reads(others, each.id))
      .map((each) => across(`read ${each.id}`, each, visitors, 'read')),
  ];
  return {
    width,
    height,
    isNarrow: false,
    zones: boxes,
    nodes: [editors, main, ...nodes, visitors],
    links,
    sentence: sentence(primary, others),
  };
};

const narrow: Place = (width, primary, others, zones, group) => {
  const columns = Math.max(1, Math.min(3, zones.length));
  const columnWidth = (width - 24 - (columns - 1) * 8) / columns;
  const nodeWidth = Math.min(150, columnWidth - 10);
  const boxes: Zone[] = [];
  const nodes: Node[] = [];
  let top = 160;
  for (let row = 0; row < zones.length; row += columns) {
    let tallest = 0;
    for (const [column, zone] of zones.slice(row, row + columns).entries()) {
      const here = others.filter((each) => each.zone === zone);
      const height = here.length * (nodeHeight + gap) + 28;
      const x = 12 + column * (columnWidth + 8);
      boxes.push({ title: zone.slice(-2), x, y: top, width: columnWidth, height });
      for (const [index, each] of here.entries())
        nodes.push(
          node(each, x + columnWidth / 2, top + 22 + nodeHeight / 2 + index * (nodeHeight + gap), nodeWidth),
        );
      tallest = Math.max(tallest, height);
    }
    top += tallest + 12;
  }
  const height = top + 76;
  const editors = end('editors', 'Editors', 'upload', width / 2, 28, 96);
  const main = primaryNode(primary, group, width / 2, 104, 140);
  const visitors = end('visitors', 'Visitors', 'read', width / 2, height - 28, 96);
  const down = (
    id: string,
    from: readonly [number, number],
    to: readonly [number, number],
    kind: Link['kind'],
  ): Link => {
    const [[x1, y1], [x2, y2]] = [from, to];
    const middle = (y1 + y2) / 2;
    return {
      id,
      kind,
      path: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`,
      middle: [(x1 + x2) / 2, middle],
    };
  };
  const half = nodeHeight / 2;
  const links = [
    down(
      'editors',
      [editors.x, editors.y + half],
      [main.x, main.y - half],
      primary === undefined ? 'cut' : 'push',
    ),
    ...nodes.map((each): Link => {
      const link = down(each.id, [main.x, main.y + half], [each.x, each.y - half], linkKind(others, each.id));
      return { ...link, middle: [each.x + each.width / 2 - 12, each.y - half] };
    }),
    ...boxes.map((box) =>
      down(
        `read ${box.title}`,
        [box.x + box.width / 2, box.y + box.height],
        [visitors.x, visitors.y - half],
        'read',
      ),
    ),
  ];
  return {
    width,
    height,
    isNarrow: true,
    zones: boxes,
    nodes: [editors, main, ...nodes, visitors],
    links,
    sentence: sentence(primary, others),
  };
};

function node(each: Drawn, x: number, y: number, width: number): Node {
  return { id: each.id, title: each.title, subtitle: each.subtitle, icon: each.level, x, y, width };
}

function end(id: string, title: string, subtitle: string, x: number, y: number, width: number): Node {
  return { id, title, subtitle, icon: undefined, x, y, width };
}

function primaryNode(
  primary: LiveHost | undefined,
  group: LiveGroup,
  x: number,
  y: number,
  width: number,
): Node {
  if (primary !== undefined)
    return {
      id: 'primary',
      title: primary.name,
      subtitle: 'primary',
      icon: primary.level === 'ok' ? 'primary' : primary.level,
      x,
      y,
      width,
    };
  const subtitle = group.promotion === undefined ? 'uploads fail' : 'moving…';
  return {
    id: 'primary',
    title: 'No primary',
    subtitle,
    icon: group.promotion === undefined ? 'bad' : 'work',
    x,
    y,
    width,
  };
}

function linkKind(others: readonly Drawn[], id: string): Link['kind'] {
  return others.find((each) => each.id === id)?.link ?? 'idle';
}

/** What visitors are sent to: not a host that still joins, nor one that is set aside. */
function reads(others: readonly Drawn[], id: string): boolean {
  const level = others.find((each) => each.id === id)?.level;
  return level === 'ok' || level === 'warn';
}

function sentence(primary: LiveHost | undefined, others: readonly Drawn[]): string {
  const to = others.map(({ title, subtitle }) => `${title} (${subtitle})`).join(', ');
  return primary === undefined
    ? `There is no primary, so editors cannot upload. Visitors read from ${to || 'no host'}.`
    : `Editors upload to ${primary.name}, which pushes to ${to || 'no secondary yet'}. Visitors read from any host.`;
}
