using System.Reflection;
using System.Text.RegularExpressions;
using SemAim.Dsl;

namespace SemAim.Generators.Tests;

/// <summary>docs/dsl.md is the language: it names every operation, layer and attribute, and its modules are right.</summary>
public sealed partial class LanguagePageTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(AuthorSource.Root, "docs", "dsl.md"));

    [Fact]
    public void Its_modules_are_silent()
    {
        var source = string.Concat(Example().Matches(Page).Select(m => m.Groups[1].Value));

        Assert.Empty(AuthorSource.Diagnose(source).Select(d => $"{d.Id} {d.GetMessage()}"));
    }

    [Fact]
    public void It_names_everything_that_an_author_can_write()
    {
        var operations = new[] { typeof(Sym), typeof(Ops), typeof(OrderMask) }.SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)).Where(m => !m.IsSpecialName).Select(m => m.Name);
        var layers = typeof(GraphModule).Assembly.GetExportedTypes().Where(t => t.Namespace == "SemAim.Dsl" && t.BaseType == typeof(GraphModule)).Select(t => t.Name.Split('`')[0]);
        var inits = typeof(Inits).GetMembers(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Where(m => m is PropertyInfo or MethodInfo { IsSpecialName: false }).Select(m => m.Name);
        string[] attributes = ["Module", "Graph", "Shape", "Require", "Variant", "Key", "Fills"];

        Assert.All(operations.Concat(layers).Concat(inits).Concat(attributes).Append("Weight").Append("Constant").Distinct(), name => Assert.Matches($@"\b{name}\b", Page));
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();
}
