using SemAim.Dsl;
using SemAim.Generators.Check;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>The text of a pattern is read twice, by the compiler and by the specification: what the first accepts the second runs, with the same sizes.</summary>
public sealed class PatternLanguageTests
{
    private static readonly long[] Shape = [2, 3, 12];
    private static readonly string[] Left = ["B", "T", "D", "(H E)", "(E H)", "(4 e)", "H", "2", "3", "12", "(2 6)", "B'", "(B B')", "...", "(T 1)", "1", "(H", "[D]", "#D", "(H F E)", "H*3"];
    private readonly Random random = new(20240229);

    [Fact]
    public void An_einsum_of_more_names_than_small_letters_runs()
    {
        var names = Enumerable.Range(0, 30).Select(i => $"n{i}").ToArray();
        using var scope = TorchSharp.torch.NewDisposeScope();
        var values = Enumerable.Range(0, 3).Select(_ => Sym.Of(TorchSharp.torch.ones(Enumerable.Repeat(1L, 10).ToArray()), Run.Eval)).ToArray();

        var sum = Ops.Einsum($"{string.Join(", ", names.Chunk(10).Select(c => string.Join(' ', c)))} -> n0 n29", values);

        Assert.Equal([1, 1], sum.Value.shape);
    }

    [Fact]
    public void What_the_compiler_accepts_runs_with_the_sizes_it_says()
    {
        using var scope = NewDisposeScope();
        var (accepted, refused) = (0, 0);
        for (var n = 0; n < 4000; n++)
        {
            var pattern = Pattern();
            var says = Compiler(pattern);
            if (says is null) { refused++; continue; }
            accepted++;
            var H = 4;
            var runs = Sym.Of(arange(72).reshape(Shape), Run.Eval).Rearrange(pattern, H).Value.shape;
            Assert.True(says.SequenceEqual(runs), $"\"{pattern}\": the compiler says {string.Join(' ', says)}, it runs to {string.Join(' ', runs)}");
        }

        Assert.True(accepted > 150 && refused > 150, $"{accepted} accepted, {refused} refused");
    }

    /// <summary>libtorch counts a negative position from the end; the language has no such position.</summary>
    [Theory]
    [InlineData("[^3] D")]
    [InlineData("[2] D")]
    [InlineData("[^3..] D")]
    [InlineData("[..^3] D")]
    [InlineData("[..3] D")]
    public void A_position_outside_its_axis_is_refused_by_the_running_specification(string pattern)
        => Assert.Contains("outside an axis of size 2", Assert.Throws<ArgumentException>(() => Sym.Of(zeros(2, 3), Run.Eval)[pattern]).Message, StringComparison.Ordinal);

    private string Pattern()
    {
        string[] tokens = random.Next(3) == 0 ? [.. Enumerable.Range(0, random.Next(2, 5)).Select(_ => Left[random.Next(Left.Length)])] : [.. new[] { new[] { "B", "2", "b" }, ["T", "3", "(T 1)"], ["D", "12", "(H E)", "(E H)", "(4 e)", "(H 3)"] }.Select(c => c[random.Next(c.Length)])];
        var atoms = string.Join(' ', tokens).Replace("(", "").Replace(")", "").Split(' ').OrderBy(_ => random.Next()).ToList();
        if (random.Next(12) == 0) atoms.RemoveAt(random.Next(atoms.Count));
        if (random.Next(12) == 0) atoms.Add(Left[random.Next(4)]);
        var right = string.Join(' ', atoms);
        if (atoms.Count > 2 && random.Next(2) == 0) right = $"{atoms[0]} ({string.Join(' ', atoms.Skip(1).Take(2))}) {string.Join(' ', atoms.Skip(3))}".TrimEnd();
        return $"{string.Join(' ', tokens)} -> {right}";
    }

    // the sizes of the result, or null where the pattern is refused
    private static long[]? Compiler(string pattern)
    {
        var facts = new SizeFacts();
        var text = new Expr.Text(1, pattern);
        var call = new Expr.Call(1, "Sym", "Rearrange", new Expr.Local(1, "x"), new([new Argument("size1", new Expr.Int(1, 4)), new Argument("name1", new Expr.Text(1, "H"))]));
        try
        {
            var (left, right) = Generators.Check.Pattern.Sides(pattern);
            RunnableChecker.CheckArguments(call.Arguments, RunnableChecker.Used(left, right), pattern);
            PatternSolver.SameAxes(left, right);
            var solver = new PatternSolver(facts, n => n == "H" ? 4 : null, (_, _, _) => "", [], (_, _, f) => f);
            Dim[] axes = [.. Shape.Select(s => Dim.Const(s))];
            var bound = solver.Match(left, axes, pattern, "x");
            RunnableChecker.Check(call, left, right, text, _ => null);
            var leading = left.HasEllipsis && right.HasEllipsis ? Shape.Take(Shape.Length - left.Axes.Count + 1) : [];
            return [.. leading, .. right.Axes.Where(a => !a.IsEllipsis).Select(a => a.Tokens.Aggregate(1L, (p, t) => p * (solver.Known(t.Text, bound)?.Number ?? throw new CheckFailure())))];
        }
        catch (CheckFailure)
        {
            return null;
        }
    }
}
