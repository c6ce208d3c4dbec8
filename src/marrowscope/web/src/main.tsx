import { createRoot } from "react-dom/client";
import { App } from "./App";
import { applyDisplay, loadDisplay } from "./display";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/review.css";
import "./style/quality.css";

applyDisplay(loadDisplay());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyDisplay(loadDisplay()));

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
