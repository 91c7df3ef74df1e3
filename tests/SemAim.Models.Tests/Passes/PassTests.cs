using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests.Passes;

/// <summary>A pass on a small module: what it makes of the code, and that the numbers are the specification's.</summary>
public abstract class PassTests
{
    /// <summary>Compiles a module Net, compares its graph Go with the specification (values, every gradient) and returns the generated part.</summary>
    private protected static string Check(string body, string sizes, object[] arguments, Func<object[]> inputs, string attributes = "", params (string, string)[] properties)
    {
        using var scope = NewDisposeScope();
        var (assembly, generated) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(body, sizes, attributes))], properties: properties);
        var model = CompiledModels.Make(assembly, "Test.Net", arguments);
        Comparison.Fill(model);
        object[] values = inputs();
        var specified = Comparison.Gradients(model, CompiledModels.Call(model, "Go", [.. values.Select(v => v is Tensor t ? Sym.Of(t, Run.Eval) : v)]), (Tensor)values[0]);
        var compiled = Comparison.Gradients(model, CompiledModels.Call(model, "Go", values), (Tensor)values[0]);
        Comparison.Equal(specified, compiled);
        return generated["Test.Net.g.cs"];
    }

    /// <summary>The statements of a graph's body.</summary>
    private protected static string Body(string generated, string graph = "__Go")
    {
        var start = generated.IndexOf($" {graph}(", generated.IndexOf("internal ", generated.IndexOf("public Tensor Go", StringComparison.Ordinal) is var p && p < 0 ? 0 : p, StringComparison.Ordinal), StringComparison.Ordinal);
        var open = generated.IndexOf('{', start);
        return generated[open..generated.IndexOf("\n    }", open, StringComparison.Ordinal)];
    }

    private protected static int Count(string text, string part) => text.Split(part).Length - 1;
}
