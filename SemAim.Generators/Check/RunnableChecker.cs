using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>The specification runs with what the value tells and what is passed; the compiler knows more, so it must see to that.</summary>
public static class RunnableChecker
{
    /// <summary>Throws where a name of the pattern is unknown to the running specification (SEM0216) or a size argument says nothing (SEM0217).</summary>
    public static void Check(Expr.Call call, Pattern left, Pattern right, Expr.Text text)
    {
        var given = CheckArguments(call.Arguments, Used(left, right), text.Value);
        var expand = call.Method == "Expand";
        var known = new HashSet<string>(expand ? [] : given);
        bool Known(string name) => name.TrimEnd('\'').All(char.IsDigit) || known.Contains(name) || known.Contains(name.TrimEnd('\''));
        foreach (var axis in left.Axes.Where(a => !a.IsEllipsis).OrderBy(a => a.Tokens.Count))
        {
            var open = axis.Tokens.Where(t => !Known(t.Text)).Select(t => t.Text).Distinct().ToList();
            if (open.Count > 1)
                throw new CheckFailure("SEM0216", $"the specification cannot run \"{axis}\": {string.Join(" and ", open)} are {(open.Count == 2 ? "both" : "all")} unknown to the value; pass {(open.Count == 2 ? "one" : "all but one")}: {call.Method}(\"…\", {open[0]})", axis.Start, axis.Length);
            foreach (var t in axis.Tokens) known.Add(t.Text);
        }
        if (!expand) return;
        known.UnionWith(given);
        foreach (var axis in right.Axes)
            foreach (var token in axis.Tokens)
                if (token.Text != "..." && Expressions.Names(token.Text).Any(n => !known.Contains(n) && !known.Contains(token.Text)))
                    throw new CheckFailure("SEM0216", $"the specification cannot run \"{text.Value}\": {token.Text} is unknown to the value; pass it: Expand(\"…\", {token.Text})", token.Start, token.Length);
    }

    /// <summary>Names that a pattern may take from size arguments.</summary>
    public static HashSet<string> Used(Pattern left, Pattern right) => [.. left.Axes.Concat(right.Axes).SelectMany(a => a.Tokens).SelectMany(t => Expressions.Names(t.Text))];

    /// <summary>The names passed; throws where an argument is no plain name or is not used (SEM0217).</summary>
    public static HashSet<string> CheckArguments(IReadOnlyCollection<Argument> arguments, HashSet<string> used, string text)
    {
        var given = new HashSet<string>();
        foreach (var (size, name) in new[] { ("size1", "name1"), ("size2", "name2") })
        {
            if (arguments.FirstOrDefault(a => a.Parameter == size)?.Value is not { } value) continue;
            if (arguments.FirstOrDefault(a => a.Parameter == name)?.Value is not Expr.Text { Value: var written }) continue;
            if (!IsName(written)) throw new CheckFailure("SEM0217", $"size argument `{written}` must be a plain name that the pattern uses; give it a name: `var e = {written};`", at: value.Id, fix: $"var e = {written};");
            if (!used.Contains(written)) throw new CheckFailure("SEM0217", $"size argument `{written}` is not used by \"{text}\"; pass a size that the value does not tell, or none", at: value.Id);
            given.Add(written);
        }
        return given;
    }

    private static bool IsName(string text) => text.Length > 0 && (char.IsLetter(text[0]) || text[0] == '_') && text.All(c => char.IsLetterOrDigit(c) || c == '_');
}
