using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Holds the shape of a weight or constant to what its initialiser says that it can fill.</summary>
internal static class InitChecker
{
    internal static void Check(ModuleScope scope, ResolvedLayer layer, Action<Finding> report)
    {
        if (layer.Field.Init is not { } init || layer.Shape is not { } axes) return;
        var arguments = new Dictionary<string, Dim>();
        foreach (var a in init.Sizes)
            if (Expressions.Evaluate(a.Value, n => scope.Facts[n], scope.Facts.Divide) is { } size) arguments[a.Parameter] = size;
        var shapes = init.Shapes.Select(s => s.Split([' '], StringSplitOptions.RemoveEmptyEntries)).ToList();
        if (shapes.Select(s => Match(scope, s, axes, arguments)).FirstOrDefault(m => m is not null) is not { } names)
        {
            var (has, fills) = (string.Join(" ", axes.Select(a => Token(scope, a))), string.Join("` or `", shapes.Select(s => Written(scope, s, arguments))));
            var id = shapes.All(s => !Fits(s, axes.Count)) ? "SEM0202" : "SEM0201";
            report(new(id, $"`{init.Text}` fills `{fills}`, but `{layer.Field.Field}` has the shape `{has}`", init.Id));
            return;
        }
        foreach (var fact in init.Facts)
        {
            if (ParsedFact.Parse(fact) is not { } p || Size(p.Left) is not { } left || Size(p.Right) is not { } right) continue;
            var modulus = p.Modulus is null ? null : Size(p.Modulus);
            if (p.Modulus is not null && modulus is null || FactProver.Holds(scope.Facts, left, modulus, p.Operator, right, scope.Parsed, scope)) continue;
            var promise = modulus is null ? $"{scope.FactText(left)} {p.Operator} {scope.FactText(right)}" : p.IsMultiple ? scope.Multiple(left, modulus) : $"({scope.FactText(left)}) % ({scope.FactText(modulus)}) {p.Operator} {scope.FactText(right)}";
            var because = fact.Because is null ? "" : $" ({fact.Because})";
            report(FactProver.Fails(scope.Facts, left, modulus, p.Operator, right) ? new("SEM0111", $"`{layer.Field.Field}`: `{init.Text}` needs {fact.Text}{because}, which never holds: {promise}", init.Id)
                : new("SEM0111", $"`{layer.Field.Field}`: `{init.Text}` needs {promise}{because}, which {scope.Unit.Name} does not promise; add {ModuleScope.Promise(promise)} to {scope.Unit.Name}", init.Id, Fix: ModuleScope.Promise(promise)));
        }

        Dim? Size(Expr e) => Expressions.Evaluate(e, n => names.TryGetValue(n, out var size) ? size : null, scope.Facts.Divide);
    }

    private static bool Fits(string[] shape, int count) => shape.Contains("...") ? shape.Length - 1 <= count : shape.Length == count;

    // what the names stand for, or null where an axis has another size
    private static Dictionary<string, Dim>? Match(ModuleScope scope, string[] shape, IReadOnlyList<Dim> axes, IReadOnlyDictionary<string, Dim> arguments)
    {
        if (!Fits(shape, axes.Count)) return null;
        var names = arguments.ToDictionary(a => a.Key, a => a.Value);
        var rest = Array.IndexOf(shape, "...");
        for (var i = 0; i < shape.Length; i++)
        {
            if (i == rest || SizeText.Parse(shape[i]) is not { } size) continue;
            var axis = axes[rest >= 0 && i > rest ? i + axes.Count - shape.Length : i];
            if (size is Expr.Size { Name: var name } && !names.ContainsKey(name)) names[name] = axis;
            else if (Side(size, names) is var (side, more))
            {
                // a square of an open size: G*G
                if (SquareRoot.Of(scope.Facts.Normalise(axis - more)) is not { } root) return null;
                names[side] = root;
            }
            else if (Expressions.Evaluate(size, n => names.TryGetValue(n, out var known) ? known : null, scope.Facts.Divide) is { } wanted && !scope.Facts.Same(wanted, axis)) return null;
        }
        return names;
    }

    // G and 1 of G*G+1, where nothing says what G is
    private static (string Side, Dim More)? Side(Expr size, IReadOnlyDictionary<string, Dim> names)
    {
        if (Expressions.SizeNames(size).Where(n => !names.ContainsKey(n)).Distinct().ToList() is not [var open]) return null;
        var side = Dim.Symbol("?");                                  // no name of the module
        return Expressions.Evaluate(size, n => names.TryGetValue(n, out var known) ? known : side, (_, _) => null) is { } whole && (whole - side * side) is var more && !more.Has("?") ? (open, more) : null;
    }

    private static string Written(ModuleScope scope, string[] shape, IReadOnlyDictionary<string, Dim> arguments)
        => string.Join(" ", shape.Select(t => t == "..." || SizeText.Parse(t) is not { } size ? t : Expressions.Evaluate(size, n => arguments.TryGetValue(n, out var known) ? known : null, scope.Facts.Divide) is { } value ? Token(scope, value) : t));

    // as in a shape, where blanks are between axes
    private static string Token(ModuleScope scope, Dim size) => scope.FactText(size).Replace(" ", "");
}
