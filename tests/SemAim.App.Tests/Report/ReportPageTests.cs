using System.Diagnostics;
using SemAim.App.Figures;
using SemAim.App.Report;
using SemAim.Models;
using SkiaSharp;

namespace SemAim.App.Tests.Report;

public sealed class ReportPageTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-report").FullName;

    public void Dispose() => Directory.Delete(folder, true);

    [Fact]
    public void A_page_has_curves_results_events_settings_figure_and_model_and_asks_nothing_of_the_network()
    {
        var page = Path.Combine(folder, "one.html");
        using var model = ModelCatalogue.CreateAim("aim_tiny");
        ReportPage.Write(page, Run("aim_tiny.a", 1e-3), [], model);
        var html = File.ReadAllText(page);
        foreach (var expected in new[] { "Training loss", "Learning rate", "Gradient norm before clipping", "Pictures a second", "Memory, GB", "With and without pretraining", "gained 2.0", "2 epochs of 3 pictures", "a machine with 7 cores", "Top-1, %", "Nearest neighbours", "Held-out pictures", "refused sample", "linprobe", "data:image/png;base64,", "class=\"diagram\"", "class=\"diagram graph\"", "blocks.*.attn.qkv", "flowchart TD", "LowerOrderMasks", System.Net.WebUtility.HtmlEncode("O × F") })
            Assert.Contains(expected, html);
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;", html);
        Assert.DoesNotContain("<script>alert", html);
        Assert.DoesNotContain("src=\"http", html);
        Assert.DoesNotContain("@import", html);
        Assert.DoesNotContain("NaN", html);
    }

    [Fact]
    public void Several_runs_share_charts_and_their_different_settings_are_marked()
    {
        var page = Path.Combine(folder, "two.html");
        ReportPage.Write(page, [Run("aim_tiny.a", 1e-3), Run("aim_tiny.b", 2e-3)], [], []);
        var html = File.ReadAllText(page);
        Assert.Contains("polyline class=\"s1\"", html);
        Assert.Contains("<span><i class=\"k1\"></i>aim_tiny.b</span>", html);
        Assert.Contains("<tr class=\"differs\"><td>lr</td>", html);
        Assert.Contains("<tr><td>model</td>", html);
    }

    [Fact]
    public void A_run_that_was_killed_at_its_first_line_still_gets_a_page()
    {
        var run = Path.Combine(folder, "cut");
        Directory.CreateDirectory(run);
        File.WriteAllText(Path.Combine(run, "metrics.jsonl"), "{\"kind\":\"step\",\"st");
        ReportPage.Write(Path.Combine(folder, "cut.html"), [run], [], []);
        Assert.Contains("</html>", File.ReadAllText(Path.Combine(folder, "cut.html")));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("{\"kind\":\"event\",\"event\":\"start\",\"step\":0}\n", true)]
    [InlineData("{\"kind\":\"linprobe\",\"top1\":44,\"samples\":10}\n", false)]
    [InlineData("{\"kind\":\"step\",\"step\":1,\"loss\":1}\n", false)]
    public void A_run_that_has_measured_nothing_yet_says_so(string metrics, bool says)
    {
        var run = Path.Combine(folder, "aim_tiny.new");
        Directory.CreateDirectory(run);
        File.WriteAllText(Path.Combine(run, "metrics.jsonl"), metrics);

        ReportPage.Write(Path.Combine(folder, "new.html"), [run], [], []);
        ReportPage.Write(Path.Combine(folder, "both.html"), [run, Run("aim_tiny.a", 1e-3)], [], []);

        var (alone, beside) = (File.ReadAllText(Path.Combine(folder, "new.html")), File.ReadAllText(Path.Combine(folder, "both.html")));
        Assert.Equal(says, alone.Contains("Nothing has been measured yet", StringComparison.Ordinal));
        Assert.Equal(says, beside.Contains("aim_tiny.new: nothing has been measured yet", StringComparison.Ordinal));
        Assert.DoesNotContain("1 steps", alone);
    }

    [Fact]
    public void What_a_run_said_before_it_was_resumed_from_an_earlier_step_is_not_drawn()
    {
        var run = Path.Combine(folder, "resumed");
        Directory.CreateDirectory(run);
        string Step(int step, double loss) => $"{{\"kind\":\"step\",\"step\":{step},\"loss\":{loss.ToString(System.Globalization.CultureInfo.InvariantCulture)}}}";
        File.WriteAllLines(Path.Combine(run, "metrics.jsonl"), [Step(1, 9), Step(2, 8), Step(3, 7), Step(4, 6), "{\"kind\":\"event\",\"event\":\"resume\",\"step\":1}", Step(2, 5), Step(3, 4)]);

        Assert.Equal([(1, 9), (2, 5), (3, 4)], RunRecord.Read(run).Curve("step", "step", "loss"));
    }

    [Fact]
    public void Runs_of_one_name_in_two_folders_are_told_apart()
    {
        string[] runs = [Run(Path.Combine("x", "aim_tiny.a"), 1e-3), Run(Path.Combine("y", "aim_tiny.a"), 1e-3), Run("aim_tiny.b", 1e-3)];

        Assert.Equal(["x/aim_tiny.a", "y/aim_tiny.a", "aim_tiny.b"], RunRecord.Read(runs).Select(r => r.Name));
        Assert.Single(RunRecord.Read([runs[0], runs[0]]));
    }

    [Fact]
    public void A_spike_of_one_step_in_a_long_run_is_drawn()
    {
        (double, double)[] curve = [.. Enumerable.Range(0, 20_000).Select(i => ((double)i, i == 12_345 ? 99.0 : i == 6_789 ? -7.0 : 1.0))];

        var svg = LineChart.Svg("t", "x", [new("a", curve)]);

        Assert.Contains("12345,99", svg);
        Assert.Contains("6789,-7", svg);
        Assert.Contains("0,1 ", svg);
        Assert.Contains("19999,1\"", svg);
        Assert.True(svg.Length < 100_000, $"{svg.Length} characters");
    }

    [Fact]
    public void A_run_has_one_colour_in_every_chart_and_a_seventh_is_told_from_the_first()
    {
        string[] runs = [.. Enumerable.Range(0, 7).Select(i => Run($"aim_tiny.{i}", 1e-3))];
        // the second tells nothing of memory
        var metrics = Path.Combine(runs[1], "metrics.jsonl");
        File.WriteAllLines(metrics, File.ReadLines(metrics).Select(l => l.Replace("memory_bytes", "other", StringComparison.Ordinal)));
        var page = Path.Combine(folder, "seven.html");

        ReportPage.Write(page, runs, [], []);

        var charts = File.ReadAllText(page).Split("<figure class=\"chart\">")[1..];
        Assert.All(charts, chart => Assert.All(System.Text.RegularExpressions.Regex.Matches(chart, "<polyline class=\"s(\\d)( dash)?\" data-name=\"aim_tiny\\.(\\d)\""), m =>
            Assert.Equal(m.Groups[3].Value, m.Groups[2].Success ? "6" : m.Groups[1].Value)));
        Assert.Contains(charts, c => c.StartsWith("<figcaption>Memory, GB", StringComparison.Ordinal) && c.Contains("data-name=\"aim_tiny.2\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Neighbours_during_training_are_a_curve_over_steps_and_saves_do_not_drown_what_happened()
    {
        var run = Path.Combine(folder, "aim_base.long");
        Directory.CreateDirectory(run);
        File.WriteAllLines(Path.Combine(run, "metrics.jsonl"),
        [
            .. Enumerable.Range(1, 30).Select(i => $"{{\"kind\":\"knn\",\"features\":\"pretrained\",\"step\":{100 * i},\"k\":20,\"top1\":{i},\"top5\":{2 * i}}}"),
            .. Enumerable.Range(1, 400).Select(i => $"{{\"kind\":\"event\",\"event\":\"save\",\"step\":{i},\"seconds\":0.5,\"beside_training\":true}}"),
            "{\"kind\":\"event\",\"event\":\"bad step\",\"step\":401,\"order_is_finite\":false}",
            "{\"kind\":\"event\",\"event\":\"save\",\"step\":402,\"seconds\":0.5}",
        ]);
        var page = Path.Combine(folder, "long.html");

        ReportPage.Write(page, [run], [], []);

        var html = File.ReadAllText(page);
        Assert.Contains("<figcaption>k-NN top-1, %</figcaption>", html);
        Assert.Contains("data-x=\"step\"", html);
        Assert.Contains("<b>30.0 %</b>", html);
        Assert.Contains("<summary>all 30</summary>", html);
        Assert.Contains("400 times, steps 1 to 400", html);
        Assert.Contains("order is finite no", html);
        Assert.Contains("step 402 ", html);
        Assert.DoesNotContain("± –", html);
    }

    [Fact]
    public void Records_that_are_no_text_are_passed_over()
    {
        var run = Path.Combine(folder, "broken");
        Directory.CreateDirectory(run);
        File.WriteAllLines(Path.Combine(run, "metrics.jsonl"), ["{\"kind\":\"event\",\"event\":\"\\ud800\"}", "{\"kind\":\"event\",\"\\udc00\":1}", "[1]", "7", "null", "{\"kind\":5}", "{\"kind\":\"step\",\"step\":\"x\",\"loss\":{}}", "{\"kind\":\"event\",\"event\":\"start\"}"]);

        ReportPage.Write(Path.Combine(folder, "broken.html"), [run], [], []);

        Assert.Equal(3, RunRecord.Read(run).Metrics.Count);
        Assert.Contains("start", File.ReadAllText(Path.Combine(folder, "broken.html")));
    }

    [Fact]
    public void Under_the_pointer_runs_that_log_at_different_steps_all_show_a_value()
    {
        foreach (var (name, every) in new[] { ("aim_tiny.a", 1), ("aim_tiny.b", 7) })
        {
            Directory.CreateDirectory(Path.Combine(folder, name));
            File.WriteAllLines(Path.Combine(folder, name, "metrics.jsonl"), Enumerable.Range(1, 100).Select(i => $"{{\"kind\":\"step\",\"step\":{i * every},\"loss\":{i}}}"));
        }
        var page = Path.Combine(folder, "page.html");
        ReportPage.Write(page, [Path.Combine(folder, "aim_tiny.a"), Path.Combine(folder, "aim_tiny.b")], [], []);
        File.AppendAllText(page, """
            <script>
              const over = document.querySelector('.u-over'), box = over.getBoundingClientRect();
              const said = () => [...document.querySelector('.u-legend').querySelectorAll('.u-value')].map(v => v.textContent).join('|');
              document.body.dataset.first = said();
              for (const type of ['mouseenter', 'mousemove']) over.dispatchEvent(new MouseEvent(type, { clientX: box.left + box.width * 23 / 699, clientY: box.top + 9, bubbles: true }));
              setTimeout(() => document.body.dataset.said = said(), 200);
            </script>
            """);
        if (Browse(["--virtual-time-budget=3000", "--dump-dom", new Uri(page).AbsoluteUri]) is not { } told) return;
        Assert.Contains("data-first=\"last|100|100\"", told.Output);
        Assert.Matches("data-said=\"2[3-5]\\|2[3-5]\\|[34]\"", told.Output);
    }

    [Theory]
    [InlineData(24_000, "5 k", "20 k")]
    [InlineData(7_000, "2000", "6000")]
    [InlineData(0.0006, "1E-4", "5E-4")]
    public void All_ticks_of_an_axis_have_one_unit(double last, params string[] ticks)
    {
        var svg = LineChart.Svg("t", "x", [new("a", [(0, 1), (last, 2)])]);
        Assert.All(ticks, t => Assert.Contains($">{t}</text>", svg));
    }

    [Fact]
    public void The_values_under_the_pointer_stand_below_a_chart()
    {
        var page = Path.Combine(folder, "page.html");
        ReportPage.Write(page, Run("aim_tiny.a", 1e-3), [], null);
        File.AppendAllText(page, """
            <script>
              const over = document.querySelector('.u-over'), box = over.getBoundingClientRect();
              for (const type of ['mouseenter', 'mousemove']) over.dispatchEvent(new MouseEvent(type, { clientX: box.left + 1, clientY: box.top + 9, bubbles: true }));
              setTimeout(() => document.body.dataset.said = [...document.querySelector('.u-legend').querySelectorAll('.u-value')].map(v => v.textContent).join('|'), 200);
            </script>
            """);
        if (Browse(["--virtual-time-budget=3000", "--dump-dom", new Uri(page).AbsoluteUri]) is not { } told) return;
        var loss = RunRecord.Read(Path.Combine(folder, "aim_tiny.a")).Curve("step", "step", "loss");
        Assert.Contains(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"data-said=\"{loss[0].X}|{loss[0].Y:G5}\""), told.Output);
    }

    [Theory]
    [InlineData(1280, 900, false)]
    [InlineData(500, 900, true)]                               // a window of a headless browser is at least 500 wide
    public void A_browser_opens_the_page_without_a_word_on_its_console(int width, int height, bool dark)
    {
        var page = Path.Combine(folder, "page.html");
        using var model = ModelCatalogue.CreateAim("aim_tiny");
        ReportPage.Write(page, [Run("aim_tiny.a", 1e-3), Run("aim_tiny.b", 2e-3)], [], [ModelCard.Of("aim_tiny", model)]);
        var picture = Path.Combine(folder, "page.png");
        if (Browse([$"--window-size={width},{height}", $"--screenshot={picture}", .. dark ? new[] { "--blink-settings=preferredColorScheme=0" } : [], new Uri(page).AbsoluteUri]) is not { } told) return;
        Assert.DoesNotContain("CONSOLE", told.Errors);
        using var shot = SKBitmap.Decode(picture);
        Assert.Equal((width, height), (shot.Width, shot.Height));
        Assert.True(shot.Pixels.Distinct().Count() > 50, "the page is empty");
        Assert.Equal(dark, shot.GetPixel(2, height - 2).Red < 128);
    }

    [Fact]
    public void A_browser_draws_every_chart_with_the_library_and_keeps_the_static_one_for_print()
    {
        var page = Path.Combine(folder, "page.html");
        ReportPage.Write(page, [Run("aim_tiny.a", 1e-3), Run("aim_tiny.b", 2e-3)], [], []);
        var charts = File.ReadAllText(page).Split("<figure class=\"chart\"").Length - 1;
        Assert.True(charts >= 5, $"{charts} charts");
        if (Browse(["--dump-dom", new Uri(page).AbsoluteUri]) is not { } told) return;
        Assert.DoesNotContain("CONSOLE", told.Errors);
        Assert.Equal(charts, told.Output.Split("class=\"chart live\"").Length - 1);
        Assert.Equal(charts, told.Output.Split("class=\"u-wrap\"").Length - 1);
        Assert.Contains("aim_tiny.b", told.Output[told.Output.IndexOf("u-legend", StringComparison.Ordinal)..]);
    }

    [Fact]
    public void A_printed_page_shows_every_chart_as_static_drawing()
    {
        var (page, pdf) = (Path.Combine(folder, "page.html"), Path.Combine(folder, "page.pdf"));
        using var model = ModelCatalogue.CreateAim("aim_tiny");
        ReportPage.Write(page, [Run("aim_tiny.a", 1e-3)], [], [ModelCard.Of("aim_tiny", model)]);
        if (Browse([$"--print-to-pdf={pdf}", "--no-pdf-header-footer", new Uri(page).AbsoluteUri]) is not { } told) return;
        Assert.DoesNotContain("CONSOLE", told.Errors);
        Assert.InRange(new FileInfo(pdf).Length, 50_000, 20_000_000);
        // a static chart is drawn by lines; one that uPlot drew would be a picture
        var pictures = System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(pdf)).Split("/Subtype /Image").Length - 1;
        Assert.InRange(pictures, 0, 3);
    }

    [Theory]
    [InlineData(1280, false)]
    [InlineData(717, true)]                                    // A4 without its margins
    public void On_the_screen_and_on_paper_words_stay_within_their_boxes_and_charts_and_nothing_is_cut_off(int width, bool paper)
    {
        var page = Path.Combine(folder, "page.html");
        ReportPage.Write(page, [Run("aim_tiny.a", 1e-3), Run("aim_tiny.b", 2e-3)], [], [.. ModelCard.Names.Select(ModelCard.Named)]);
        // a browser that prints has no scripts left to ask: the rules for paper are made those of the screen
        if (paper) File.WriteAllText(page, File.ReadAllText(page).Replace("@media print", "@media screen", StringComparison.Ordinal));
        File.AppendAllText(page, """
            <script>
              const shown = e => e.getClientRects().length > 0, within = (a, b) => a.left >= b.left - 0.5 && a.right <= b.right + 0.5 && a.top >= b.top - 0.5 && a.bottom <= b.bottom + 0.5;
              const all = s => [...document.querySelectorAll(s)].filter(shown), box = e => e.getBoundingClientRect();
              const said = {
                boxes: all('.diagram text').length,
                outside: all('.diagram text').filter(t => !within(box(t), box(t.previousElementSibling))).map(t => t.textContent),
                ticks: all('.chart > svg text').filter(t => !within(box(t), box(t.ownerSVGElement))).map(t => t.textContent),
                wide: document.documentElement.scrollWidth > document.documentElement.clientWidth ? ['the page ' + document.documentElement.scrollWidth] : all('.panel').filter(p => box(p).right > innerWidth).map(p => p.textContent.slice(0, 40)),
                still: all('.chart > svg').length, live: all('.chart > .uplot').length, folded: all('summary').length,
              };
              document.body.dataset.said = JSON.stringify(said);
            </script>
            """);
        if (Browse([$"--window-size={width},900", "--dump-dom", new Uri(page).AbsoluteUri]) is not { } told) return;
        Assert.DoesNotContain("CONSOLE", told.Errors);
        var said = System.Text.Json.JsonDocument.Parse(System.Net.WebUtility.HtmlDecode(System.Text.RegularExpressions.Regex.Match(told.Output, "data-said=\"([^\"]*)\"").Groups[1].Value)).RootElement;
        Assert.True(said.GetProperty("boxes").GetInt32() > 100, $"{said}");
        Assert.All(new[] { "outside", "ticks", "wide" }, bad => Assert.Equal("[]", said.GetProperty(bad).GetRawText()));
        Assert.All(paper ? new[] { "live", "folded" } : ["still"], none => Assert.Equal(0, said.GetProperty(none).GetInt32()));
        Assert.All(paper ? new[] { "still" } : ["live", "folded"], some => Assert.True(said.GetProperty(some).GetInt32() >= 5, $"{said}"));
    }

    // null where there is no browser: the static parts are checked by the tests beside
    private (string Output, string Errors)? Browse(string[] arguments)
    {
        var browser = new[] { "chromium", "chromium-browser", "google-chrome" }.SelectMany(n => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(p => Path.Combine(p, n))).FirstOrDefault(File.Exists);
        if (browser is null)
        {
            Assert.True(Environment.GetEnvironmentVariable("SEMAIM_REQUIRE_CHROMIUM") != "1", "SEMAIM_REQUIRE_CHROMIUM=1, but there is no chromium in PATH");
            Console.WriteLine("No chromium in PATH: the page was not opened in a browser; its static parts are checked by the tests beside this one.");
            return null;
        }
        var start = new ProcessStartInfo(browser, ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", $"--user-data-dir={Path.Combine(folder, "profile")}", "--enable-logging=stderr", .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (output.Result, errors);
    }

    private string Run(string name, double rate)
    {
        var run = Path.Combine(folder, name);
        Directory.CreateDirectory(run);
        var invariant = System.Globalization.CultureInfo.InvariantCulture;
        var steps = Enumerable.Range(1, 50).Select(i => string.Create(invariant, $"{{\"kind\":\"step\",\"step\":{i},\"epoch\":0,\"loss\":{1.0 / i},\"lr\":{rate / i},\"grad_norm\":{i % 7},\"images_per_second\":200,\"memory_bytes\":{4e8 + i},\"peak_memory_bytes\":{5e8}}}"));
        File.WriteAllLines(Path.Combine(run, "metrics.jsonl"),
        [
            .. steps,
            "{\"kind\":\"epoch\",\"epoch\":0,\"test_acc1\":10}", "{\"kind\":\"epoch\",\"epoch\":1,\"test_acc1\":20}",
            "{\"kind\":\"knn\",\"features\":\"pretrained\",\"seconds\":9,\"k\":20,\"top1\":31.5,\"top5\":70,\"error\":1.5}",
            "{\"kind\":\"held_out\",\"features\":\"pretrained\",\"seconds\":9,\"loss\":0.5,\"mean_loss\":1,\"copy_loss\":0.7}",
            "{\"kind\":\"linprobe\",\"top1\":44,\"pooling\":\"gap\"}",
            "{\"kind\":\"protocol\",\"protocol\":\"linear probe\",\"untrained\":40,\"untrained_error\":1,\"pretrained\":42,\"pretrained_error\":1,\"verdict\":\"gained 2.0\",\"how\":\"2 epochs of 3 pictures\"}",
            "{\"kind\":\"event\",\"event\":\"refused sample\",\"path\":\"<script>alert(1)</script>.jpg\"}",
        ]);
        File.WriteAllText(Path.Combine(run, "config.json"), string.Create(invariant, $"{{\"model\":\"aim_tiny\",\"lr\":{rate},\"environment\":\"a machine with 7 cores\"}}"));
        double[] map = [1, 0.7, 0.3, 0];
        OrdersFigure.Write(Path.Combine(run, "orders.png"), ["raster"], [new OrdersRow(Picture.Plain(32, 90), map, map, [map])], 1);
        return run;
    }
}
