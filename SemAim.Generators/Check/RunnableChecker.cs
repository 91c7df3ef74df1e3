using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>The specification runs with what the value tells and what is passed; the compiler knows more, so it must see to that.</summary>
public static class RunnableChecker
{
    /// <summary>Throws where a name of the pattern is unknown to the running specification (SEM0216) or a size argument says nothing (SEM0217).</summary>
    /// <param name="call">the operation</param>
    /// <param name="left">what the pattern says of its operand</param>
    /// <param name="right">and of what it makes</param>
    /// <param name="text">the pattern</param>
    /// <param name="spoken">how C# says a size: the name itself, an expression, or nothing</param>
    public static void Check(Expr.Call call, Pattern left, Pattern right, Expr.Text text, Func<string, string?> spoken)
    {
        var given = CheckArguments(call.Arguments, Used(left, right), text.Value);
        var expand = call.Method == "Expand";
        var known = new HashSet<string>(expand ? [] : given);
        bool Known(string name) => name.TrimEnd('\'').All(char.IsDigit) || known.Contains(name) || known.Contains(name.TrimEnd('\''));
        foreach (var axis in left.Axes.Where(a => !a.IsEllipsis).OrderBy(a => a.Tokens.Count))
        {
            // one name that stands once is found by division; a primed one has the size of its name
            var open = axis.Tokens.Where(t => !Known(t.Text)).Select(t => t.Text).ToList();
            var bases = open.Select(n => n.TrimEnd('\'')).Distinct().ToList();
            bool IsFound(string name) => open.Count(n => n.TrimEnd('\'') == name) == 1;
            if (open.Count > 1)
            {
                // what C# has a name for is passed first
                var order = bases.OrderBy(n => IsFound(n) ? 1 : 0).ThenBy(n => spoken(n) == n ? 0 : spoken(n) is null ? 2 : 1).ToList();
                List<string> passed = [.. bases.Any(IsFound) ? order.Take(bases.Count - 1) : order];
                var said = bases.Count == 1 ? "is" : bases.Count == 2 ? "are both" : "are all";
                throw new CheckFailure("SEM0216", $"the specification cannot run \"{axis}\": {string.Join(" and ", bases)} {said} unknown to the value; pass {(bases.Count == 1 ? "it" : passed.Count == bases.Count ? "them" : passed.Count == 1 ? "one" : "all but one")}: {call.Method}(\"…\", {string.Join(", ", given.Concat(passed))}){Declared(passed, spoken)}{(given.Count + passed.Count > 2 ? "; at most two are taken, so make two steps of it" : "")}", axis.Start, axis.Length);
            }
            foreach (var t in axis.Tokens) known.Add(t.Text);
        }
        if (!expand) return;
        known.UnionWith(given);
        foreach (var axis in right.Axes)
            foreach (var token in axis.Tokens)
                if (token.Text != "..." && Expressions.Names(token.Text).Any(n => !known.Contains(n) && !known.Contains(token.Text)))
                {
                    List<string> passed = [.. Expressions.Names(token.Text).Where(n => !known.Contains(n)).Distinct()];
                    throw new CheckFailure("SEM0216", $"the specification cannot run \"{text.Value}\": {token.Text} is unknown to the value; pass {(passed.Count == 1 && passed[0] != token.Text ? passed[0] : "it")}: Expand(\"…\", {string.Join(", ", given.Concat(passed))}){Declared(passed, spoken)}", token.Start, token.Length);
                }
    }

    // what C# has no name for is given one
    private static string Declared(IEnumerable<string> passed, Func<string, string?> spoken)
        => string.Concat(passed.Where(n => spoken(n) is { } said && said != n).Select(n => $", with `var {n} = {spoken(n)};`"));

    /// <summary>Names that a pattern may take from size arguments.</summary>
    public static HashSet<string> Used(Pattern left, Pattern right) => [.. left.Axes.Concat(right.Axes).SelectMany(a => a.Tokens).SelectMany(t => Expressions.Names(t.Text))];

    /// <summary>The names passed; throws where an argument is no plain name or is not used (SEM0217).</summary>
    /// <param name="arguments">of the operation</param>
    /// <param name="used">names of the pattern</param>
    /// <param name="text">the pattern</param>
    /// <param name="meant">the name of the pattern that has the size of an argument, and whether C# has it too</param>
    public static HashSet<string> CheckArguments(IReadOnlyCollection<Argument> arguments, HashSet<string> used, string text, Func<Expr, (string Name, bool IsSpoken)?>? meant = null)
    {
        var given = new HashSet<string>();
        foreach (var (size, name) in new[] { ("size1", "name1"), ("size2", "name2") })
        {
            if (arguments.FirstOrDefault(a => a.Parameter == size)?.Value is not { } value) continue;
            if (arguments.FirstOrDefault(a => a.Parameter == name)?.Value is not Expr.Text { Value: var written }) continue;
            if (!IsName(written))
            {
                var (plain, isSpoken) = meant?.Invoke(value) ?? ("e", false);
                throw new CheckFailure("SEM0217", $"size argument `{written}` must be a plain name that the pattern uses; {(isSpoken ? $"pass `{plain}`" : $"give it a name: `var {plain} = {written};`")}", at: value.Id, fix: isSpoken ? plain : $"var {plain} = {written};");
            }
            if (!used.Contains(written)) throw new CheckFailure("SEM0217", $"size argument `{written}` is not used by \"{text}\"; pass a size that the value does not tell, or none", at: value.Id);
            given.Add(written);
        }
        return given;
    }

    private static bool IsName(string text) => text.Length > 0 && (char.IsLetter(text[0]) || text[0] == '_') && text.All(c => char.IsLetterOrDigit(c) || c == '_');
}
