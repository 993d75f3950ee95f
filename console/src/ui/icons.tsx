/** Small drawings, one line weight. They say nothing that is not written beside them. */

const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-4H4z",
  inbox: "M3 13l3-8h12l3 8v6H3zM3 13h5l1.5 3h5L16 13h5",
  live: "M3 12h4l3-8 4 16 3-8h4",
  switches: "M12 3v8M6.3 6.8a8 8 0 1 0 11.4 0",
  log: "M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h7",
  agents: "M6 9h12v10H6zM12 9V5M9 13h.01M15 13h.01M3 13v3M21 13v3",
  permissions: "M8 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 11h9M18 11v3.5M15 11v2.5",
  policies: "M12 3l7 3v6c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6z",
  escalation: "M6 6.5a2 2 0 1 0 0-.1M18 12a2 2 0 1 0 0-.1M6 17.6a2 2 0 1 0 0-.1M8 6.5h4v5.5h4M8 17.5h4V12",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  runs: "M4 4v16h16M7 15l4-5 3 3 5-7",
  lineage: "M3 5h5v4H3zM3 15h5v4H3zM16 10h5v4h-5zM8 7h4v5h4M8 17h4v-5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  done: "M4 12.5l5 5L20 6.5",
  back: "M15 5l-7 7 7 7",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c1-4 4-6 8-6s7 2 8 6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Seal() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M8.5 17.2l4.6 4.6L24 10.6" fill="none" stroke="var(--accent-ink)" strokeWidth="3.2" strokeLinecap="round" strokeLinejoin="round" />
      <path d="M8 26h16" stroke="var(--accent-ink)" strokeOpacity=".6" strokeWidth="2" strokeLinecap="round" />
    </svg>
  );
}
