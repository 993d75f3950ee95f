import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/models.css";

import { createRoot } from "react-dom/client";

import { App } from "./app.tsx";
import { restoreTheme } from "./ui/theme.ts";

restoreTheme();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
