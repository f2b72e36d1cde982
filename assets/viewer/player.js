// Time in a scene that moves: play, pause, and a slider.

class Player {
  /** Of a scene whose clip lasts so many seconds; `onChange` is called when the time will have changed. */
  constructor(seconds, onChange) {
    this.seconds = seconds;
    this.onChange = onChange;
    this.time = 0;
    this.playing = false;
    this.button = document.getElementById("play");
    this.slider = document.getElementById("time");
    this.slider.addEventListener("input", () => {
      this.play(false);
      this.go(Number(this.slider.value));
    });
    this.button.addEventListener("click", () => this.play(!this.playing));
    document.getElementById("player").hidden = false;
    document.getElementById("play-row").hidden = false;
    document.getElementById("turn-key").textContent = "T";
    document.getElementById("rotate").title = "Turn slowly (T)";
  }

  /** The time as shaders count it, −½ to ½. */
  get tau() {
    return this.time - 0.5;
  }

  /** Shows a time, 0 to 1. */
  go(time) {
    this.time = Math.min(Math.max(time, 0), 1);
    this.slider.value = String(this.time);
    const told = [this.time * this.seconds, this.seconds].map((seconds) => seconds.toFixed(1));
    this.slider.setAttribute("aria-valuetext", `${told[0]} of ${told[1]} seconds`);
    this.onChange();
  }

  play(playing) {
    this.playing = playing;
    this.button.setAttribute("aria-pressed", String(playing));
    this.button.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.button.title = playing ? "Pause (space)" : "Play (space)";
    this.button.classList.toggle("playing", playing);
    this.onChange();
  }

  /** Goes on while playing, from the end to the beginning. */
  step(seconds) {
    if (this.playing) this.go((this.time + seconds / this.seconds) % 1);
    return this.playing;
  }
}
